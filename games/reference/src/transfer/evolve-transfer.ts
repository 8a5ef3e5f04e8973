/** What the events of a transfer make of a hex. */
import { create } from "@bufbuild/protobuf";
import {
  type Departure,
  DepartureSchema,
  type HexState,
  ResidentSchema,
  type TransferAnswer,
  TransferAnswerSchema,
  TransferEnd,
  TransitSchema,
} from "@hexhold/gen/hexhold/hex/v1/state_pb";
import type {
  ArrivalRefused,
  PlayerArrived,
  PlayerDeparted,
  PlayerReturned,
  TransferAnswered,
  TransferCompleted,
  TransferQueried,
} from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { compareIds, findById, withItem, withoutId } from "../sorted-ids.ts";

export type TransferEvent =
  | PlayerDeparted
  | PlayerArrived
  | ArrivalRefused
  | TransferAnswered
  | TransferCompleted
  | PlayerReturned
  | TransferQueried;

/** Where players went from here: so many are remembered. */
const departuresMax = 64;

const playerIdOf = (item: { playerId: Uint8Array }): Uint8Array => item.playerId;

/** Folds one event of a transfer into the durable part. */
export function evolveTransfer(state: HexState, event: TransferEvent): HexState {
  const { playerId, number } = event;
  switch (event.$typeName) {
    case "hexhold.hex.v1.PlayerDeparted": {
      const { toHexId, toLayerId, online, sessionId, atMs, dueMs, armedVersion } = event;
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
    }
    case "hexhold.hex.v1.PlayerArrived":
      // What it left under an earlier number has ended, or it could not have come.
      return withResident(withAnswer(state, event, TransferEnd.ARRIVED, ""), event);
    case "hexhold.hex.v1.ArrivalRefused":
      return withAnswer(state, event, TransferEnd.REFUSED, event.reason);
    case "hexhold.hex.v1.TransferAnswered":
      return state;
    case "hexhold.hex.v1.TransferCompleted":
      return { ...state, transits: withoutId(state.transits, playerId, playerIdOf) };
    case "hexhold.hex.v1.PlayerReturned":
      return withResident(state, event);
    case "hexhold.hex.v1.TransferQueried": {
      const { dueMs, armedVersion } = event;
      return {
        ...state,
        transits: state.transits.map((transit) =>
          compareIds(transit.playerId, playerId) === 0
            ? { ...transit, dueMs, armedVersion, asked: transit.asked + 1 }
            : transit,
        ),
      };
    }
    default:
      throw new TypeError(`unknown event ${(event satisfies never as TransferEvent).$typeName}`);
  }
}

/** The player lives here: neither on its way from here, nor gone. */
function withResident(state: HexState, event: PlayerArrived | PlayerReturned): HexState {
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
function withAnswer(
  state: HexState,
  event: PlayerArrived | ArrivalRefused,
  end: TransferEnd,
  reason: string,
): HexState {
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

function withoutDeparture(state: HexState, playerId: Uint8Array): Departure[] {
  return state.departures.filter((departure) => compareIds(departure.playerId, playerId) !== 0);
}
