import { create, toBinary } from "@bufbuild/protobuf";
import { HexViewSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { LevelRaisedSchema, PlayerMovedSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { expect, test } from "vitest";
import { referenceView, stockAt } from "./reference-view.ts";

const view = create(HexViewSchema, {
  stocks: [{ resource: Resource.WOOD, amount: 40n, asOfMs: 10_000n }],
  nowMs: 10_000n,
  stockCapacity: 100n,
  regrowthMs: 60_000n,
});

test("a stock grows from its last event on, in whole units, up to what the hex holds", () => {
  expect(stockAt(view, Resource.WOOD, 10_000)).toBe(40);
  expect(stockAt(view, Resource.WOOD, 10_599)).toBe(40);
  expect(stockAt(view, Resource.WOOD, 10_600)).toBe(41);
  expect(stockAt(view, Resource.WOOD, 1_000_000)).toBe(100);
  expect(stockAt(view, Resource.WOOD, 0)).toBe(40);
  expect(stockAt(view, Resource.STONE, 0)).toBe(100);
});

test("two views agree when they differ in nothing but growth, and a rounding of it", () => {
  const later = (amount: bigint) => ({
    ...view,
    nowMs: 22_000n,
    stocks: view.stocks.map((stock) => ({ ...stock, amount, asOfMs: 22_000n })),
  });
  expect(referenceView.agrees?.(view, later(60n))).toBe(true);
  expect(referenceView.agrees?.(view, later(61n))).toBe(true);
  expect(referenceView.agrees?.(view, later(63n))).toBe(false);
  expect(referenceView.agrees?.(view, { ...later(60n), population: 1 })).toBe(false);
});

test("a walk moves the player in the view; a new level asks for the state: the pace of regrowth is in no event", () => {
  const playerId = new Uint8Array(16).fill(9);
  const event = { messageVersion: 1, tsMs: 0, hexVersion: 2, viewSeq: 2 };
  const moved = toBinary(PlayerMovedSchema, create(PlayerMovedSchema, { playerId, x: 10, y: 1 }));
  const walked = { ...event, type: "evt.hex.player-moved", payload: moved };
  expect(referenceView.apply(view, walked)?.players).toMatchObject([{ playerId, x: 10, y: 1 }]);
  const payload = toBinary(LevelRaisedSchema, create(LevelRaisedSchema));
  const raised = { ...event, type: "evt.hex.level-raised", payload };
  expect(referenceView.apply(view, raised)).toBeUndefined();
});

test("reads the view by the name that it has had on the wire since release 0.2.0", () => {
  expect(referenceView.reads).toEqual([{ type: "hexhold.hex.v1.HexView", version: 1 }]);
});
