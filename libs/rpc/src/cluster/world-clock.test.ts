import { expect, test } from "vitest";
import { createWorldClock } from "./world-clock.ts";

test("an answer is taken to be said halfway, and time goes on by the monotonic clock", () => {
  let monotonicMs = 100;
  const clock = createWorldClock(() => monotonicMs);
  clock.observe({ sentMs: 80, receivedMs: 100, worldMs: 1_000_000 });
  expect(clock.now()).toBe(1_000_010);
  monotonicMs = 600;
  expect(clock.now()).toBe(1_000_510);
});

test("of the last five answers the one with the shortest round trip counts", () => {
  const clock = createWorldClock(() => 10_000);
  const observe = (roundTripMs: number, worldMs: number) =>
    clock.observe({ sentMs: 10_000 - roundTripMs, receivedMs: 10_000, worldMs });
  observe(2, 5_000);
  for (let n = 0; n < 4; n++) observe(900, 9_000);
  expect(clock.now()).toBe(5_001);
  observe(900, 9_000);
  expect(clock.now()).toBe(9_450);
});

test("before the first answer there is no time", () => {
  expect(() => createWorldClock(() => 0).now()).toThrow("before a router has told it");
});
