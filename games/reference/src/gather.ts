/** Taking from a stock of the hex, which learns from it. */
import { create } from "@bufbuild/protobuf";
import { applied, type DecideContext, event, isRefused, refused, playerOf } from "@hexhold/actor";
import { type Gather, GatherResultSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { GatheredSchema, LevelRaisedSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import type { HexState } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { grown, type ReferenceOptions } from "./options.ts";
import type { ReferenceParts, ReferenceRule } from "./reference-parts.ts";
import { msUntil, stockAt, stocksAt, withGathered } from "./stock.ts";

export function gather(
  parts: ReferenceParts,
  command: Gather,
  context: DecideContext,
  options: ReferenceOptions,
): ReturnType<ReferenceRule<"cmd.hex.gather">> {
  const { durable } = parts;
  const resident = playerOf(durable, context);
  if (isRefused(resident)) return resident;
  const there = stockAt(durable, command.resource, context.nowMs, options);
  if (there < command.amount) {
    const grows = command.amount <= BigInt(options.stockCapacity);
    const wait = grows
      ? msUntil(durable, command.resource, command.amount, context.nowMs, options)
      : 0;
    return refused("depleted", Math.min(wait, 0x7fff_ffff));
  }
  const gathered = event(GatheredSchema, {
    playerId: resident.playerId,
    resource: command.resource,
    amount: command.amount,
    left: there - command.amount,
    atMs: BigInt(context.nowMs),
  });
  const result = create(GatherResultSchema, {
    amount: command.amount,
    left: there - command.amount,
  });
  const after = withGathered(parts, gathered.message).durable;
  return applied([gathered, ...levelRaised(after, context.nowMs, options)], result);
}

/** The event by which a hex that has learnt enough rises, by as many levels as it can pay. */
function levelRaised(state: HexState, nowMs: number, options: ReferenceOptions) {
  let { level, xp } = state;
  for (;;) {
    const needed = BigInt(grown(options.levelBase, options.levelFactorPerMille, level));
    if (xp < needed) break;
    xp -= needed;
    level++;
  }
  if (level === state.level) return [];
  return [event(LevelRaisedSchema, { level, xp, stocks: stocksAt(state, nowMs, options) })];
}
