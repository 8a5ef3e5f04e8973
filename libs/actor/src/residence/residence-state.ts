/** What the residence kit keeps of a hex, and how it looks something up in it. */
import { create, type MessageShape } from "@bufbuild/protobuf";
import {
  type NotResidentDetail,
  NotResidentDetailSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { Resident, ResidenceSchema, Transit } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import type { Refused } from "../contracts.ts";
import { refused } from "../decision.ts";
import type { DecideContext } from "../game.ts";
import { compareIds, findById } from "../sorted-ids.ts";

type Residence = MessageShape<typeof ResidenceSchema>;

/** The fields of `hexhold.hex.v1.Residence`, as that message or among the fields of another one. */
export type ResidenceState = Pick<
  Residence,
  "residents" | "spawned" | "transits" | "transferAnswers" | "answersFloorMs" | "departures"
>;

/** Why a player cannot act in a hex: it is on its way from here, or lives elsewhere. */
export type NotHere = Refused<"not-resident" | "in-transit", NotResidentDetail>;

/** A transfer takes a moment; then its end is known here or there. */
const transitRetryMs = 100;

/** The player on whose command this is decided, or why it cannot act here. */
export function residentOf(
  state: ResidenceState,
  { accountId }: DecideContext,
): Resident | NotHere {
  return accountId === undefined ? notResident() : playerIn(state, accountId);
}

/** The player on whose command this is decided, online, or why it cannot act here. */
export function playerOf(
  state: ResidenceState,
  context: DecideContext,
): Resident | NotHere | Refused<"offline", never> {
  const resident = residentOf(state, context);
  return isRefused(resident) || resident.online ? resident : refused("offline");
}

/** The player `playerId`, or why nothing can be done to it here. */
export function playerIn(state: ResidenceState, playerId: Uint8Array): Resident | NotHere {
  const at = findById(state.residents, playerId, (resident) => resident.playerId);
  if (at >= 0) return state.residents[at]!;
  const transit = transitOf(state, playerId);
  if (transit !== undefined) {
    return {
      kind: "refused",
      reason: "in-transit",
      retryAfterMs: transitRetryMs,
      detail: create(NotResidentDetailSchema, {
        wentToHexId: transit.toHexId,
        wentToLayerId: transit.toLayerId,
      }),
    };
  }
  const departure = state.departures.find((left) => compareIds(left.playerId, playerId) === 0);
  return notResident(departure?.toHexId, departure?.toLayerId);
}

/** Whether what was found instead of a resident is a refusal: of the two it alone has a kind. */
export function isRefused<R extends Refused<string>>(found: Resident | R): found is R {
  return "kind" in found;
}

/** The player's way from here to another hex, while it is under way. */
export function transitOf(state: ResidenceState, playerId: Uint8Array): Transit | undefined {
  return state.transits[findById(state.transits, playerId, (transit) => transit.playerId)];
}

function notResident(wentToHexId = 0n, wentToLayerId = 0): NotHere {
  return {
    kind: "refused",
    reason: "not-resident",
    detail: create(NotResidentDetailSchema, { wentToHexId, wentToLayerId }),
  };
}
