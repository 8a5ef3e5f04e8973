/** What decisions are made of. */
import { create, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { DecideContext, DecidedEvent, Decision, OutgoingCommand } from "@hexhold/actor";
import { NotResidentDetailSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { HexState, Resident } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import type { ReferenceParts } from "./evolve.ts";
import type { ReferenceOptions } from "./options.ts";
import { compareIds, findById } from "./sorted-ids.ts";

/** Decides one type of command. */
export type Rule<C> = (
  parts: ReferenceParts,
  command: C,
  context: DecideContext,
  options: ReferenceOptions,
) => Decision;

export function event<T extends Message>(
  schema: GenMessage<T>,
  init: MessageInitShape<GenMessage<T>>,
): DecidedEvent {
  return { schema, message: create(schema, init) };
}

/** A command to another hex. */
export function commandTo<T extends Message>(
  key: { readonly hexId: bigint; readonly layerId: number },
  schema: GenMessage<T>,
  init: MessageInitShape<GenMessage<T>>,
): OutgoingCommand {
  return { to: { key }, schema, message: create(schema, init) };
}

export function applied(
  events: readonly DecidedEvent[],
  result?: Message,
  messages: readonly OutgoingCommand[] = [],
): Decision {
  return { kind: "applied", events, messages, ...(result === undefined ? {} : { result }) };
}

export function refused(reason: string, retryAfterMs = 0): Decision {
  return { kind: "refused", reason, retryAfterMs };
}

/** A transfer takes a moment; then its end is known here or there. */
const transitRetryMs = 100;

/** The player on whose command this is decided, or why it cannot act here. */
export function residentOf(state: HexState, { accountId }: DecideContext): Resident | Decision {
  return accountId === undefined ? notResident() : playerIn(state, accountId);
}

/** The player `playerId`, or why nothing can be done to it here: it is on its way, or lives elsewhere. */
export function playerIn(state: HexState, playerId: Uint8Array): Resident | Decision {
  const at = findById(state.residents, playerId, (resident) => resident.playerId);
  if (at >= 0) return state.residents[at]!;
  const transit = state.transits[findById(state.transits, playerId, (leaving) => leaving.playerId)];
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

/** Told apart from a resident by its kind. */
export function isDecision(found: Resident | Decision): found is Decision {
  return "kind" in found;
}

/**
 * Whether the hex takes no more residents. Those in transit may come back, so they count, all but `returning`,
 * who stands at the border.
 */
export function isFull(
  { level, residents, transits }: HexState,
  options: ReferenceOptions,
  returning = 0,
): boolean {
  const populationMax = options.populationBase + options.populationPerLevel * level;
  return residents.length + transits.length - returning >= populationMax;
}

function notResident(wentToHexId = 0n, wentToLayerId = 0): Decision {
  return {
    kind: "refused",
    reason: "not-resident",
    detail: create(NotResidentDetailSchema, { wentToHexId, wentToLayerId }),
  };
}
