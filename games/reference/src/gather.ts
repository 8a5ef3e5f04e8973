/** Taking from a stock of the hex, which learns from it; its owner gets a share. */
import { create } from "@bufbuild/protobuf";
import { applied, event, isRefused, playerOf, refused } from "@hexhold/actor";
import { GatherResultSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { type Gathered, GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { StockSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { growthOf } from "./formulas.ts";
import { levelRaised } from "./level.ts";
import type { ReferenceOptions } from "./options.ts";
import type { ReferenceParts, ReferenceRule } from "./reference-parts.ts";
import { msUntil, stockAt, withStock } from "./stock.ts";
import { ownersShare, withCarry } from "./tax.ts";

export const gatherWith =
  (options: ReferenceOptions): ReferenceRule<"cmd.hex.gather"> =>
  (parts, { resource, amount }, context) => {
    const { durable } = parts;
    const { nowMs } = context;
    const player = playerOf(durable, context);
    if (isRefused(player)) return player;
    const growth = growthOf(durable, context, options);
    if (!growth.resources.includes(resource)) return refused("not-yet");
    const there = stockAt(durable.stocks, resource, nowMs, growth);
    if (there < amount) {
      const waitMs = msUntil(durable.stocks, resource, amount, nowMs, growth);
      return refused("depleted", Math.min(waitMs, 0x7fff_ffff));
    }
    const { playerId } = player;
    const left = there - amount;
    const share = ownersShare(durable, { playerId, resource, amount }, nowMs);
    const gathered = event(GatheredSchema, {
      playerId,
      resource,
      amount,
      left,
      atMs: BigInt(nowMs),
      ...share,
    });
    const result = create(GatherResultSchema, {
      amount,
      left,
      ownerAmount: share?.ownerAmount ?? 0n,
    });
    const after = withGathered(parts, gathered.message).durable;
    return applied([gathered, ...levelRaised(after, context, options)], result);
  };

/** Less of what was gathered lies in the hex, which has learnt as much. */
export function withGathered(
  { durable, volatile }: ReferenceParts,
  { resource, amount, left, atMs, owner, taxCarry }: Gathered,
): ReferenceParts {
  const stock = create(StockSchema, { resource, amount: left, asOfMs: atMs });
  const taxed = owner.length === 0 ? {} : { tax: withCarry(durable.tax, resource, taxCarry) };
  return {
    durable: {
      ...durable,
      xp: durable.xp + amount,
      stocks: withStock(durable.stocks, stock),
      ...taxed,
    },
    volatile,
  };
}
