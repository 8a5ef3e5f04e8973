import { expect, it } from "vitest";
import { createMovePace } from "./move-pace.ts";

const held = (handlingUs: number, ...slots: string[]) =>
  slots.map((slot) => ({ slot, handlingUs }));

function moved(newUs: readonly number[], oldUs = 4_000) {
  const pace = createMovePace();
  pace.heard("old", held(oldUs, "p0", "p1", "p2"), 0);
  pace.began("p2", 100);
  pace.heard("old", held(oldUs, "p0", "p1"), 1_000);
  pace.heard("new", held(50_000, "p2"), 1_100);
  const answers = newUs.map((us, n) => {
    pace.heard("new", held(us, "p2"), 4_000 + n * 3_000);
    return pace.mayMove(4_000 + n * 3_000);
  });
  return { pace, answers };
}

it("the next slot waits until the new owner is as fast as the others", () => {
  const pace = createMovePace();
  expect(pace.mayMove(0)).toBe(true);
  expect(moved([40_000, 12_000, 6_000]).answers).toEqual([false, false, true]);
});

it("an owner that has nothing to do, or is fast by itself, is not waited for", () => {
  expect(moved([0]).answers).toEqual([true]);
  expect(moved([2_900], 500).answers).toEqual([true]);
});

it("the first report of a slot says nothing of it yet", () => {
  const { pace } = moved([]);
  expect(pace.mayMove(1_100)).toBe(false);
});

it("a machine that stays slow gets its share all the same", () => {
  const { pace, answers } = moved(Array(6).fill(40_000));
  expect(answers).toEqual(Array(6).fill(false));
  expect(pace.mayMove(1_100 + 20_001)).toBe(true);
});

it("a move that came to nothing is not waited for", () => {
  const pace = createMovePace();
  pace.heard("old", held(4_000, "p0", "p1"), 0);
  pace.began("p1", 0);
  pace.heard("old", held(4_000, "p0", "p1"), 3_000);
  expect(pace.mayMove(9_000)).toBe(false);
  expect(pace.mayMove(10_001)).toBe(true);
});

it("nobody is compared with a dead owner, nor waited for when the new one dies", () => {
  const pace = createMovePace();
  pace.heard("old", held(4_000, "p0", "p1", "p2"), 0);
  // One that was so slow that whoever came after it seemed fast.
  pace.heard("dead", held(400_000, "p3"), 0);
  pace.forget("dead");
  pace.began("p2", 100);
  pace.heard("new", held(50_000, "p2"), 1_100);
  pace.heard("new", held(40_000, "p2"), 4_000);
  expect(pace.mayMove(4_000)).toBe(false);
  pace.forget("new");
  expect(pace.mayMove(4_000)).toBe(true);
});
