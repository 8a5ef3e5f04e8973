import { expect, test } from "vitest";
import { createServerClock } from "./server-clock.ts";

function simulate() {
  let localMs = 1000;
  let serverApartMs = 5_000_000;
  const clock = createServerClock(() => localMs);
  return {
    set: (ms: number) => (serverApartMs += ms),
    /** A question of `roundTripMs` whose way back took `backShare` of it. */
    ask: (roundTripMs: number, backShare = 0.5): void => {
      localMs += roundTripMs;
      clock.sample(localMs + serverApartMs - roundTripMs * backShare, roundTripMs);
    },
    apartMs: () => clock.now() - localMs - serverApartMs,
  };
}

test("the shortest way counts: a slow answer moves nothing, whichever way was the slow one", () => {
  const { ask, apartMs } = simulate();
  ask(10);
  ask(2000, 1);
  ask(2000, 0);
  expect(apartMs()).toBe(0);
});

test.each([3_600_000, -3_600_000, 86_400_000, -86_400_000, 2_000])(
  "server's time that was set by %d ms is taken at the next answer, slower though it be",
  (ms) => {
    const { ask, set, apartMs } = simulate();
    ask(10);
    set(ms);
    ask(200, 0.9);
    expect(Math.abs(apartMs())).toBeLessThanOrEqual(100);
    ask(10);
    expect(apartMs()).toBe(0);
  },
);

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
