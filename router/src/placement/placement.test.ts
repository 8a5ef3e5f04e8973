import fc from "fast-check";
import { expect, test } from "vitest";
import { type PlacedSlot, placeSlots } from "./placement.ts";

const slot = (n: number, holder?: string, moving = false): PlacedSlot => ({
  slot: `cmd.p${n}`,
  holder,
  moving,
});
const free = (count: number) => Array.from({ length: count }, (_, n) => slot(n));

test("one worker gets everything", () => {
  const { grants } = placeSlots(free(8), ["worker-1#a"], true);
  expect(grants.map(({ holder }) => holder)).toEqual(Array(8).fill("worker-1#a"));
});

test("without a worker nothing happens", () => {
  expect(placeSlots(free(8), [], true)).toEqual({ grants: [], releases: [] });
});

test("free slots go where the fewest are, and back to the last holder when that is as fair", () => {
  const slots = [
    slot(0, "a"),
    slot(1, "a"),
    slot(2, "b"),
    { ...slot(3), lastHolder: "a" },
    slot(4),
  ];
  expect(placeSlots(slots, ["a", "b"], true).grants).toEqual([
    { slot: "cmd.p3", holder: "b" },
    { slot: "cmd.p4", holder: "a" },
  ]);
  const even = [slot(0, "a"), slot(1, "b"), { ...slot(2), lastHolder: "b" }];
  expect(placeSlots(even, ["a", "b"], true).grants).toEqual([{ slot: "cmd.p2", holder: "b" }]);
});

test("a worker that joins gets slots one after the other, until the difference is one", () => {
  let slots = Array.from({ length: 8 }, (_, n) => slot(n, "a"));
  let moves = 0;
  for (;;) {
    const { grants, releases } = placeSlots(slots, ["a", "b"], true);
    expect(grants).toEqual([]);
    if (releases.length === 0) break;
    expect(releases).toHaveLength(1);
    slots = slots.map((item) =>
      item.slot === releases[0]?.slot ? slot(Number(item.slot.slice(5))) : item,
    );
    const next = placeSlots(slots, ["a", "b"], true);
    expect(next.grants).toEqual([{ slot: releases[0]?.slot, holder: "b" }]);
    slots = slots.map((item) => (item.holder === undefined ? { ...item, holder: "b" } : item));
    moves++;
  }
  expect(moves).toBe(4);
});

test("nothing is moved while something is under way, or before it may", () => {
  const uneven = [slot(0, "a"), slot(1, "a"), slot(2, "a", true)];
  expect(placeSlots(uneven, ["a", "b"], true).releases).toEqual([]);
  const fair = [slot(0, "a"), slot(1, "a"), slot(2, "b")];
  expect(placeSlots(fair, ["a", "b"], true).releases).toEqual([]);
  const still = [slot(0, "a"), slot(1, "a")];
  expect(placeSlots(still, ["a", "b"], false).releases).toEqual([]);
  expect(placeSlots(still, ["a", "b"], true).releases).toEqual([{ slot: "cmd.p1", holder: "a" }]);
});

test("whatever is held, every free slot is granted once, to a worker there is, and as fairly as can be", () => {
  const workers = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1 });
  const holders = fc.array(fc.option(fc.constantFrom("a", "b", "x"), { nil: undefined }), {
    maxLength: 64,
  });
  fc.assert(
    fc.property(workers, holders, (names, held) => {
      const slots = held.map((holder, n) => slot(n, holder));
      const { grants } = placeSlots(slots, names, true);
      expect(grants.map((grant) => grant.slot)).toEqual(
        slots.filter(({ holder }) => holder === undefined).map((item) => item.slot),
      );
      const before = (name: string) => held.filter((holder) => holder === name).length;
      const after = (name: string) =>
        before(name) + grants.filter(({ holder }) => holder === name).length;
      const least = Math.min(...names.map(after));
      const chosen = names.filter((name) => after(name) > before(name));
      for (const name of chosen) expect(after(name)).toBeLessThanOrEqual(least + 1);
    }),
  );
});
