/** The view of a hex of the reference game: a pure fold of its events over `HexView`. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { compareBytes, type SeenEvent, viewContractOf, type ViewFold } from "@hexhold/client";
import {
  type HexView,
  HexViewSchema,
  type SeenPlayer,
  SeenPlayerSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { PlayerEnteredSchema, PlayerLeftSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import {
  GatheredSchema,
  LevelRaisedSchema,
  PlayerMovedSchema,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import {
  PlayerArrivedSchema,
  PlayerDepartedSchema,
  PlayerReturnedSchema,
} from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { type Resource, type Stock, StockSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { applyLandEvent, landText } from "./land-view.ts";

export const referenceView: ViewFold<HexView> = {
  // Views of version 1 lack what came with world format 2, and nothing else.
  reads: [{ ...viewContractOf(HexViewSchema), version: 1 }],
  decode: (bytes) => fromBinary(HexViewSchema, bytes),
  apply: applyEvent,
  agrees,
};

/**
 * The stock of `resource` at `nowMs` of server time: what lay there at its last event, and what has grown
 * since, in whole units, as the server counts.
 */
export function stockAt(view: HexView, resource: Resource, nowMs: number): number {
  const stock = view.stocks.find((item) => item.resource === resource);
  const capacity = capacityOf(view, resource);
  if (stock === undefined) return capacity;
  const elapsedMs = Math.max(nowMs - Number(stock.asOfMs), 0);
  const grown = Math.floor((elapsedMs * capacity) / Math.max(Number(view.regrowthMs), 1));
  return Math.min(Number(stock.amount) + grown, Math.max(capacity, Number(stock.amount)));
}

/** What a full stock of `resource` holds. */
export function capacityOf(view: HexView, resource: Resource): number {
  const own = view.capacities.find((item) => item.resource === resource);
  return Number(own?.amount ?? view.stockCapacity);
}

function applyEvent(view: HexView, event: SeenEvent): HexView | undefined {
  switch (event.type) {
    case "evt.hex.player-spawned":
      return { ...view, population: view.population + 1 };
    case "evt.hex.player-entered": {
      const { playerId } = fromBinary(PlayerEnteredSchema, event.payload);
      return { ...view, players: withPlayer(view.players, { playerId, x: 0, y: 0 }) };
    }
    case "evt.hex.player-left": {
      const { playerId } = fromBinary(PlayerLeftSchema, event.payload);
      return {
        ...view,
        players: view.players.filter((player) => compareBytes(player.playerId, playerId) !== 0),
      };
    }
    case "evt.hex.player-moved": {
      const { playerId, x, y } = fromBinary(PlayerMovedSchema, event.payload);
      return { ...view, players: withPlayer(view.players, { playerId, x, y }) };
    }
    case "evt.hex.gathered": {
      const { resource, amount, left, atMs } = fromBinary(GatheredSchema, event.payload);
      const stock = create(StockSchema, { resource, amount: left, asOfMs: atMs });
      return { ...view, xp: view.xp + amount, stocks: withStock(view.stocks, stock) };
    }
    case "evt.hex.level-raised": {
      // A level changes the pace of regrowth, which only a full state tells.
      fromBinary(LevelRaisedSchema, event.payload);
      return undefined;
    }
    case "evt.hex.player-departed":
      return withoutResident(view, fromBinary(PlayerDepartedSchema, event.payload));
    case "evt.hex.player-arrived":
      return withResident(view, fromBinary(PlayerArrivedSchema, event.payload));
    case "evt.hex.player-returned":
      return withResident(view, fromBinary(PlayerReturnedSchema, event.payload));
    case "evt.hex.arrival-refused":
    case "evt.hex.transfer-answered":
    case "evt.hex.transfer-completed":
    case "evt.hex.transfer-queried":
      return view;
    default: {
      const next = applyLandEvent(view, event);
      return next === "other" ? undefined : next;
    }
  }
}

function withResident(view: HexView, player: { playerId: Uint8Array; online: boolean }): HexView {
  const { playerId, online } = player;
  const players = online ? withPlayer(view.players, { playerId, x: 0, y: 0 }) : view.players;
  return { ...view, players, population: view.population + 1 };
}

function withoutResident(view: HexView, { playerId }: { playerId: Uint8Array }): HexView {
  const players = view.players.filter((item) => compareBytes(item.playerId, playerId) !== 0);
  return { ...view, players, population: view.population - 1 };
}

function withPlayer(
  players: readonly SeenPlayer[],
  player: Pick<SeenPlayer, "playerId" | "x" | "y">,
): SeenPlayer[] {
  const others = players.filter((item) => compareBytes(item.playerId, player.playerId) !== 0);
  const at = others.findIndex((item) => compareBytes(item.playerId, player.playerId) > 0);
  return others.toSpliced(at < 0 ? others.length : at, 0, create(SeenPlayerSchema, player));
}

function withStock(stocks: readonly Stock[], stock: Stock): Stock[] {
  const others = stocks.filter((item) => item.resource !== stock.resource);
  const at = others.findIndex((item) => item.resource > stock.resource);
  return others.toSpliced(at < 0 ? others.length : at, 0, stock);
}

/**
 * Whether two views say the same at the moment of the second. A stock may be one off: a state gives it in whole
 * units, and what had grown of the next one is not in it.
 */
function agrees(folded: HexView, state: HexView): boolean {
  const nowMs = Number(state.nowMs);
  return (
    textOf(folded) === textOf(state) &&
    state.stocks.every(
      ({ resource }) =>
        Math.abs(stockAt(folded, resource, nowMs) - stockAt(state, resource, nowMs)) <= 1,
    )
  );
}

function textOf(view: HexView): string {
  const { level, xp, population, players } = view;
  return JSON.stringify([
    level,
    xp.toString(),
    landText(view),
    population,
    players.map(({ playerId, x, y }) => [[...playerId], x, y]),
  ]);
}
