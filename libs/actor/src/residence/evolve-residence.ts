/** What the events of residence, presence and crossing make of a hex. */
import { create } from "@bufbuild/protobuf";
import {
  type Departure,
  DepartureSchema,
  type Resident,
  ResidentSchema,
  type TransferAnswer,
  TransferAnswerSchema,
  TransferEnd,
  TransitSchema,
} from "@hexhold/gen/hexhold/hex/v1/state_pb";
import type {
  PlayerEntered,
  PlayerLeft,
  PlayerSpawned,
} from "@hexhold/gen/hexhold/hex/v1/events_pb";
import type {
  ArrivalRefused,
  PlayerArrived,
  PlayerDeparted,
  PlayerReturned,
  TransferCompleted,
  TransferQueried,
} from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { compareIds, findById, withItem, withoutId } from "../sorted-ids.ts";
import type { ResidenceState } from "./residence-state.ts";

/** Where players went from here: so many are remembered. */
const departuresMax = 64;

const playerIdOf = (item: { playerId: Uint8Array }): Uint8Array => item.playerId;

/**
 * How each event changes what the kit keeps. Copies with `{...state}`, so whatever else the state holds stays, unknown
 * fields too.
 */
export const evolveResidence = {
  "evt.hex.player-spawned": <R extends ResidenceState>(state: R, event: PlayerSpawned): R => ({
    ...state,
    residents: withPresence(state, event, false),
    spawned: withItem(state.spawned, event.playerId, (id) => id),
  }),
  "evt.hex.player-entered": <R extends ResidenceState>(state: R, event: PlayerEntered): R => ({
    ...state,
    residents: withPresence(state, event, true, event.sessionId),
  }),
  "evt.hex.player-left": <R extends ResidenceState>(state: R, event: PlayerLeft): R => ({
    ...state,
    residents: withPresence(state, event, false),
  }),
  "evt.hex.player-departed": <R extends ResidenceState>(state: R, event: PlayerDeparted): R => {
    const { playerId, number, toHexId, toLayerId, online } = event;
    const { sessionId, atMs, dueMs, armedVersion } = event;
    const transit = create(TransitSchema, {
      playerId,
      number,
      toHexId,
      toLayerId,
      online,
      sessionId,
      departedMs: atMs,
      dueMs,
      armedVersion,
    });
    const departure = create(DepartureSchema, { playerId, toHexId, toLayerId });
    return {
      ...state,
      residents: withoutId(state.residents, playerId, playerIdOf),
      transits: withItem(state.transits, transit, playerIdOf),
      departures: [...withoutDeparture(state, playerId), departure].slice(-departuresMax),
    };
  },
  // What it left under an earlier number has ended, or it could not have come.
  "evt.hex.player-arrived": <R extends ResidenceState>(state: R, event: PlayerArrived): R =>
    withResident(withAnswer(state, event, TransferEnd.ARRIVED, ""), event),
  "evt.hex.arrival-refused": <R extends ResidenceState>(state: R, event: ArrivalRefused): R =>
    withAnswer(state, event, TransferEnd.REFUSED, event.reason),
  "evt.hex.transfer-answered": <R extends ResidenceState>(state: R): R => state,
  "evt.hex.transfer-completed": <R extends ResidenceState>(
    state: R,
    { playerId }: TransferCompleted,
  ): R => ({ ...state, transits: withoutId(state.transits, playerId, playerIdOf) }),
  "evt.hex.player-returned": <R extends ResidenceState>(state: R, event: PlayerReturned): R =>
    withResident(state, event),
  "evt.hex.transfer-queried": <R extends ResidenceState>(state: R, event: TransferQueried): R => {
    const { playerId, dueMs, armedVersion } = event;
    const transits = state.transits.map((transit) =>
      compareIds(transit.playerId, playerId) === 0
        ? { ...transit, dueMs, armedVersion, asked: transit.asked + 1 }
        : transit,
    );
    return { ...state, transits };
  },
} as const;

/** The residents with that player among them, online or not; a session that is not given stays as it was. */
function withPresence(
  state: ResidenceState,
  { playerId, atMs }: { readonly playerId: Uint8Array; readonly atMs: bigint },
  online: boolean,
  newSessionId?: Uint8Array,
): Resident[] {
  const known = state.residents[findById(state.residents, playerId, playerIdOf)];
  const sessionId = newSessionId ?? known?.sessionId;
  const resident = create(ResidentSchema, {
    playerId,
    online,
    sinceMs: atMs,
    transfers: known?.transfers ?? 0n,
    ...(sessionId === undefined ? {} : { sessionId }),
  });
  return withItem(state.residents, resident, playerIdOf);
}

/** The player lives here: neither on its way from here, nor gone. */
function withResident<R extends ResidenceState>(
  state: R,
  event: PlayerArrived | PlayerReturned,
): R {
  const { playerId, number, online, sessionId, atMs } = event;
  const resident = create(ResidentSchema, {
    playerId,
    online,
    sessionId,
    sinceMs: atMs,
    transfers: number,
  });
  return {
    ...state,
    residents: withItem(state.residents, resident, playerIdOf),
    transits: withoutId(state.transits, playerId, playerIdOf),
    departures: withoutDeparture(state, playerId),
  };
}

/** With the answer to a transfer, and without those that have grown too old. */
function withAnswer<R extends ResidenceState>(
  state: R,
  event: PlayerArrived | ArrivalRefused,
  end: TransferEnd,
  reason: string,
): R {
  const { playerId, number, atMs, forgetBeforeMs } = event;
  const before =
    state.transferAnswers[findById(state.transferAnswers, playerId, playerIdOf)]?.departedMs ?? 0n;
  // Origins have clocks of their own: an earlier transfer may name a later time, and must not seem new one day.
  const departedMs = event.departedMs > before ? event.departedMs : before;
  const answer = create(TransferAnswerSchema, {
    playerId,
    number,
    end,
    reason,
    departedMs,
    answeredMs: atMs,
  });
  let { answersFloorMs } = state;
  const isKept = (old: TransferAnswer): boolean => {
    if (old.answeredMs >= forgetBeforeMs) return true;
    if (old.departedMs > answersFloorMs) answersFloorMs = old.departedMs;
    return false;
  };
  const transferAnswers = withItem(state.transferAnswers.filter(isKept), answer, playerIdOf);
  return { ...state, transferAnswers, answersFloorMs };
}

function withoutDeparture(state: ResidenceState, playerId: Uint8Array): Departure[] {
  return state.departures.filter((departure) => compareIds(departure.playerId, playerId) !== 0);
}
