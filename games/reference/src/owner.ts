/** Who owns a hex, and for how long: elections say so, and the hex itself ends the term. */
import { create } from "@bufbuild/protobuf";
import { applied, compareIds, event, refused } from "@hexhold/actor";
import {
  type OwnerChanged,
  OwnerChangedSchema,
} from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { type HexState, TaxSchema, TenureSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { landFormat } from "./formulas.ts";
import type { ReferenceParts, ReferenceRule } from "./reference-parts.ts";

/** Who owns the hex at `nowMs`; undefined: nobody. */
export function ownerAt(
  { owner, tenure }: Pick<HexState, "owner" | "tenure">,
  nowMs: number,
): Uint8Array | undefined {
  if (owner.length !== 16 || tenure === undefined) return undefined;
  return BigInt(nowMs) < tenure.untilMs ? owner : undefined;
}

/**
 * Throws in a world of an earlier format: the step is owed, so nothing may refuse it, and it becomes a letter that is
 * sent again when the format has been raised. Elections rest on contributions, so none is decided before.
 */
export const setOwner: ReferenceRule<"cmd.hex.set-owner"> = (
  { durable },
  { number, owner, untilMs, electionId },
  context,
) => {
  if (context.worldFormat < landFormat) {
    throw new RangeError(
      `an owner in a world of format ${context.worldFormat}: hexes have owners from format ${landFormat} on`,
    );
  }
  if (number <= (durable.tenure?.number ?? 0n)) return refused("stale-number");
  const atMs = BigInt(context.nowMs);
  return applied([event(OwnerChangedSchema, { number, owner, untilMs, electionId, atMs })]);
};

/** Another owner begins without a tax: what the last one took is no promise of the new one. */
export function withOwner(
  { durable, volatile }: ReferenceParts,
  { number, owner, untilMs, electionId }: OwnerChanged,
): ReferenceParts {
  const tenure = create(TenureSchema, { number, untilMs, electionId });
  const stays = compareIds(owner, durable.owner) === 0;
  const { tax } = durable;
  const untaxed = tax === undefined ? {} : { tax: create(TaxSchema, { carries: tax.carries }) };
  return { durable: { ...durable, owner, tenure, ...(stays ? {} : untaxed) }, volatile };
}
