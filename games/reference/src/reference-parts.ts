import type { AnyEventOf, HexParts, Rule } from "@hexhold/actor";
import type { contracts as residenceContracts } from "@hexhold/gen/hexhold/hex/v1/contracts";
import type { contracts as ownershipContracts } from "@hexhold/gen/hexhold/ownership/v1/contracts";
import type { contracts } from "@hexhold/gen/hexhold/reference/v1/contracts";
import type { HexPresence, HexState } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import type { contracts as takesContracts } from "@hexhold/gen/hexhold/takes/v1/contracts";

/** State of a hex of the reference game. */
export type ReferenceParts = HexParts<HexState, HexPresence>;

type Commands = (typeof contracts)["commands"] & (typeof ownershipContracts)["commands"];

/** Any event of a hex of the reference game. */
export type ReferenceEvent = AnyEventOf<
  [typeof residenceContracts, typeof takesContracts, typeof ownershipContracts, typeof contracts]
>;

/** Decides commands of type `T`. */
export type ReferenceRule<T extends keyof Commands> = Rule<
  ReferenceParts,
  Commands[T],
  ReferenceEvent
>;
