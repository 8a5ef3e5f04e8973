import type { AnyEventOf, HexParts, Rule } from "@hexhold/actor";
import type { contracts as residenceContracts } from "@hexhold/gen/hexhold/hex/v1/contracts";
import type { contracts } from "@hexhold/gen/hexhold/reference/v1/contracts";
import type { HexPresence, HexState } from "@hexhold/gen/hexhold/reference/v1/state_pb";

/** State of a hex of the reference game. */
export type ReferenceParts = HexParts<HexState, HexPresence>;

/** Decides commands of type `T`. */
export type ReferenceRule<T extends keyof typeof contracts.commands> = Rule<
  ReferenceParts,
  (typeof contracts.commands)[T],
  AnyEventOf<[typeof residenceContracts, typeof contracts]>
>;
