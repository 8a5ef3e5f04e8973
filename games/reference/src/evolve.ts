import { create, type Message } from "@bufbuild/protobuf";
import type { HexParts } from "@hexhold/actor";
import type {
  Gathered,
  LevelRaised,
  PlayerEntered,
  PlayerLeft,
  PlayerMoved,
  PlayerSpawned,
} from "@hexhold/gen/hexhold/hex/v1/events_pb";
import {
  type HexPresence,
  type HexState,
  type Position,
  PositionSchema,
  type Resident,
  ResidentSchema,
  type Stock,
  StockSchema,
} from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { findById, withItem, withoutId } from "./sorted-ids.ts";
import { evolveTransfer, type TransferEvent } from "./transfer/evolve-transfer.ts";

export type ReferenceParts = HexParts<HexState, HexPresence>;

/** Events of the reference game, told apart by `$typeName`. */
export type HexEvent =
  | PlayerSpawned
  | PlayerEntered
  | PlayerLeft
  | PlayerMoved
  | Gathered
  | LevelRaised
  | TransferEvent;

const residentId = (resident: Resident): Uint8Array => resident.playerId;
const positionId = (position: Position): Uint8Array => position.playerId;

/** Folds one event. Copies with `{...state}`, which keeps unknown fields. Throws on an unknown event. */
export function evolve(parts: ReferenceParts, message: Message): ReferenceParts {
  const event = message as HexEvent;
  const { durable, volatile } = parts;
  switch (event.$typeName) {
    case "hexhold.hex.v1.PlayerSpawned": {
      const resident = residentOf(durable, event.playerId, false, event.atMs);
      return {
        durable: {
          ...durable,
          residents: withItem(durable.residents, resident, residentId),
          spawned: withItem(durable.spawned, event.playerId, (id) => id),
        },
        volatile,
      };
    }
    case "hexhold.hex.v1.PlayerEntered": {
      const entered = residentOf(durable, event.playerId, true, event.atMs);
      const resident = { ...entered, sessionId: event.sessionId };
      return {
        durable: { ...durable, residents: withItem(durable.residents, resident, residentId) },
        // Observers see who enters in the middle, also one who was here under an older session.
        volatile: {
          ...volatile,
          positions: withoutId(volatile.positions, event.playerId, positionId),
        },
      };
    }
    case "hexhold.hex.v1.PlayerLeft": {
      const resident = residentOf(durable, event.playerId, false, event.atMs);
      return {
        durable: { ...durable, residents: withItem(durable.residents, resident, residentId) },
        volatile: {
          ...volatile,
          positions: withoutId(volatile.positions, event.playerId, positionId),
        },
      };
    }
    case "hexhold.hex.v1.PlayerMoved": {
      const { playerId, x, y, sessionId, volatileSeq } = event;
      const position = create(PositionSchema, { playerId, x, y, sessionId, volatileSeq });
      return {
        durable,
        volatile: { ...volatile, positions: withItem(volatile.positions, position, positionId) },
      };
    }
    case "hexhold.hex.v1.Gathered": {
      const stock = create(StockSchema, {
        resource: event.resource,
        amount: event.left,
        asOfMs: event.atMs,
      });
      return {
        durable: {
          ...durable,
          xp: durable.xp + event.amount,
          stocks: withStock(durable.stocks, stock),
        },
        volatile,
      };
    }
    case "hexhold.hex.v1.LevelRaised":
      return {
        durable: {
          ...durable,
          level: event.level,
          xp: event.xp,
          stocks: event.stocks.reduce(withStock, durable.stocks),
        },
        volatile,
      };
    case "hexhold.hex.v1.PlayerDeparted":
      return {
        durable: evolveTransfer(durable, event),
        volatile: {
          ...volatile,
          positions: withoutId(volatile.positions, event.playerId, positionId),
        },
      };
    case "hexhold.hex.v1.PlayerArrived":
    case "hexhold.hex.v1.ArrivalRefused":
    case "hexhold.hex.v1.TransferAnswered":
    case "hexhold.hex.v1.TransferCompleted":
    case "hexhold.hex.v1.PlayerReturned":
    case "hexhold.hex.v1.TransferQueried":
      return { durable: evolveTransfer(durable, event), volatile };
    default:
      throw new TypeError(`unknown event ${(event satisfies never as Message).$typeName}`);
  }
}

function residentOf(
  state: HexState,
  playerId: Uint8Array,
  online: boolean,
  sinceMs: bigint,
): Resident {
  const known = state.residents[findById(state.residents, playerId, residentId)];
  return create(ResidentSchema, {
    playerId,
    online,
    sinceMs,
    transfers: known?.transfers ?? 0n,
    ...(known === undefined ? {} : { sessionId: known.sessionId }),
  });
}

function withStock(stocks: Stock[], stock: Stock): Stock[] {
  const at = stocks.findIndex((item) => item.resource >= stock.resource);
  if (at < 0) return [...stocks, stock];
  return stocks[at]!.resource === stock.resource
    ? stocks.with(at, stock)
    : stocks.toSpliced(at, 0, stock);
}
