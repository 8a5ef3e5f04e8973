import { create } from "@bufbuild/protobuf";
import { HexViewSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";
import { referenceView, stockAt } from "./reference-view.ts";
import { createServerClock } from "./server-clock.ts";

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

test("the pause doubles up to its maximum, with up to half of it taken off", () => {
  const options = { baseMs: 100, maxMs: 1000 };
  expect([0, 1, 2, 3, 4, 99].map((attempt) => backoffMs(attempt, options, () => 1))).toEqual([
    100, 200, 400, 800, 1000, 1000,
  ]);
  expect(backoffMs(0, options, () => 0)).toBe(50);
});

test("the clock keeps to the sample with the shortest way, and goes on by itself", () => {
  let localMs = 0;
  const clock = createServerClock(() => localMs);
  clock.sample(1_000_000, 100);
  expect(clock.now()).toBe(1_000_050);
  localMs = 10;
  clock.sample(1_000_100, 200);
  expect(clock.now()).toBe(1_000_060);
  clock.sample(1_000_000, 20);
  expect(clock.now()).toBe(1_000_010);
  clock.reset();
  clock.sample(5_000_000, 900);
  expect(clock.now()).toBe(5_000_450);
});
