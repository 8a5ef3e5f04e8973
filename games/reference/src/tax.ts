/** What the owner of a hex gets of what others gather. */
import { create } from "@bufbuild/protobuf";
import { applied, compareIds, event, isRefused, playerOf, refused } from "@hexhold/actor";
import { SetTaxResultSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { type TaxSet, TaxSetSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import {
  type HexState,
  type Resource,
  type Tax,
  type TaxCarry,
  TaxCarrySchema,
  TaxSchema,
} from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { landFormat } from "./formulas.ts";
import type { ReferenceOptions } from "./options.ts";
import { ownerAt } from "./owner.ts";
import type { ReferenceParts, ReferenceRule } from "./reference-parts.ts";

/** The rate in force at `nowMs`, in thousandths. */
export function taxRateAt(tax: Tax | undefined, nowMs: number): number {
  if (tax === undefined) return 0;
  return BigInt(nowMs) < tax.nextFromMs ? tax.ratePerMille : tax.nextRatePerMille;
}

/** What goes to the owner of an amount that a player gathers. */
export interface OwnersShare {
  readonly owner: Uint8Array;
  readonly ownerAmount: bigint;
  /** What is less than a unit, for the next time; thousandths. */
  readonly taxCarry: number;
}

/**
 * The owner's share of what `playerId` gathers; undefined: nobody taxes it. What is less than a unit is carried, per
 * resource, so that gathering one by one does not evade it.
 */
export function ownersShare(
  state: HexState,
  gathered: { readonly playerId: Uint8Array; readonly resource: Resource; readonly amount: bigint },
  nowMs: number,
): OwnersShare | undefined {
  const owner = ownerAt(state, nowMs);
  const rate = taxRateAt(state.tax, nowMs);
  if (owner === undefined || rate === 0) return undefined;
  if (compareIds(owner, gathered.playerId) === 0) return undefined;
  const carry = state.tax?.carries.find(({ resource }) => resource === gathered.resource);
  const perMille = BigInt(carry?.perMille ?? 0) + gathered.amount * BigInt(rate);
  return { owner, ownerAmount: perMille / 1000n, taxCarry: Number(perMille % 1000n) };
}

/** The tax with what is carried of a resource. */
export function withCarry(tax: Tax | undefined, resource: Resource, perMille: number): Tax {
  const before = tax ?? create(TaxSchema);
  const carry = create(TaxCarrySchema, { resource, perMille });
  const others = before.carries.filter((item: TaxCarry) => item.resource !== resource);
  return { ...before, carries: [...others, carry].toSorted((a, b) => a.resource - b.resource) };
}

/** In force some minutes later, and seen at once by all: no owner raises it in front of a loaded caravan. */
export const setTaxWith =
  (options: ReferenceOptions): ReferenceRule<"cmd.hex.set-tax"> =>
  ({ durable }, { ratePerMille }, context) => {
    if (context.worldFormat < landFormat) return refused("not-yet");
    const player = playerOf(durable, context);
    if (isRefused(player)) return player;
    const { nowMs } = context;
    const owner = ownerAt(durable, nowMs);
    if (owner === undefined || compareIds(owner, player.playerId) !== 0)
      return refused("not-owner");
    if (ratePerMille > options.taxPerMilleMax) return refused("tax-too-high");
    const waitMs = Number(durable.tax?.nextFromMs ?? 0n) - nowMs;
    if (waitMs > 0) return refused("tax-pending", waitMs);
    const fromMs = BigInt(nowMs + options.taxDelayMs);
    const set = event(TaxSetSchema, {
      accountId: player.playerId,
      rateBeforePerMille: taxRateAt(durable.tax, nowMs),
      ratePerMille,
      fromMs,
      atMs: BigInt(nowMs),
    });
    return applied([set], create(SetTaxResultSchema, { fromMs }));
  };

export function withTax({ durable, volatile }: ReferenceParts, set: TaxSet): ReferenceParts {
  const tax = create(TaxSchema, {
    ratePerMille: set.rateBeforePerMille,
    nextRatePerMille: set.ratePerMille,
    nextFromMs: set.fromMs,
    carries: durable.tax?.carries ?? [],
  });
  return { durable: { ...durable, tax }, volatile };
}
