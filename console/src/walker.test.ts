import { expect, test } from "vitest";
import { createWalker } from "./walker.ts";

test("a figure walks straight to its target, says each step, and stops there", () => {
  const sent: [number, number][] = [];
  const walker = createWalker({ send: (x, y) => sent.push([Math.round(x), Math.round(y)]) });
  walker.walkTo({ x: 300, y: 0 });
  expect(walker.target).toBeUndefined();
  walker.begin({ x: 0, y: 0 });
  walker.walkTo({ x: 100, y: 0 });
  for (let i = 0; i < 20; i++) walker.step(50);
  expect(sent).toEqual([
    [28, 0],
    [55, 0],
    [83, 0],
    [100, 0],
  ]);
  expect(walker.at).toEqual({ x: 100, y: 0 });
});

test("it never leaves the hex, and takes no leap after a pause", () => {
  const walker = createWalker({ send: () => undefined });
  walker.begin({ x: 0, y: 0 });
  walker.walkTo({ x: 9000, y: 0 });
  walker.step(60_000);
  expect(walker.at!.x).toBeLessThan(60);
  for (let i = 0; i < 100; i++) walker.step(100);
  expect(walker.at!.x).toBeCloseTo(980, 3);
});

test("what the server refuses is taken back; a later state is not", () => {
  const walker = createWalker({ send: () => undefined });
  walker.begin({ x: 0, y: 0 });
  walker.begin({ x: 500, y: 0 });
  expect(walker.at).toEqual({ x: 0, y: 0 });
  walker.walkTo({ x: 400, y: 0 });
  walker.step(100);
  walker.place({ x: 7, y: 7 });
  expect([walker.at, walker.target]).toEqual([{ x: 7, y: 7 }, undefined]);
});
