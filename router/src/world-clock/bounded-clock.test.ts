import { expect, it } from "vitest";
import { createBoundedClock, type SavedClock } from "./bounded-clock.ts";

const born = Date.parse("2026-11-30T00:00:00Z");
const never: SavedClock = { offsetMs: 0, worldMs: 0, steps: 0, steppedMs: 0, stepMs: 0 };
const hour = 3_600_000;

/** A machine whose clock can be set, whose router reads it every 3 s. */
function simulate(saved: SavedClock = never, setTo = 0) {
  const clock = createBoundedClock(saved);
  let monotonicMs = 10_000;
  let sleptMs = 0;
  let setMs = setTo;
  const read = (roundTripMs = 2): number => {
    const sentMs = monotonicMs;
    monotonicMs += roundTripMs;
    return clock.observe({
      clockMs: born + monotonicMs - roundTripMs / 2 + sleptMs + setMs,
      sentMs,
      receivedMs: monotonicMs,
      sleptMs,
    });
  };
  return {
    read,
    set: (ms: number) => (setMs += ms),
    sleep: (ms: number) => (sleptMs += ms),
    save: () => clock.save(monotonicMs),
    /** World time minus what has really passed. */
    apartMs: () => clock.worldMs(monotonicMs) - born - monotonicMs - sleptMs,
    clockApartMs: () => clock.clockMs(monotonicMs) - born - monotonicMs - sleptMs,
    pass(ms: number) {
      for (const untilMs = monotonicMs + ms; monotonicMs < untilMs;) {
        monotonicMs += 3_000;
        read();
      }
    },
  };
}

it.each([hour, -hour, 24 * hour, -24 * hour])(
  "a clock that is set by %d ms moves world time by a tenth of what passes, until both agree",
  (ms) => {
    const machine = simulate();
    machine.read();
    machine.set(ms);
    expect(machine.read()).toBeCloseTo(ms, -1);
    expect(machine.clockApartMs()).toBeCloseTo(ms, -1);
    expect(Math.abs(machine.apartMs())).toBeLessThan(10);
    machine.pass(60_000);
    // 10 % of a minute, and of a reading more.
    expect(Math.sign(ms) * machine.apartMs()).toBeGreaterThan(5_000);
    expect(Math.sign(ms) * machine.apartMs()).toBeLessThan(7_000);
    machine.pass(Math.abs(ms) * 10);
    expect(machine.apartMs()).toBeCloseTo(ms, -1);
    expect(machine.save()).toMatchObject({ offsetMs: 0, steps: 1 });
  },
);

it("a clock that is set and set back leaves next to nothing", () => {
  const machine = simulate();
  machine.read();
  machine.set(24 * hour);
  machine.pass(5 * 60_000);
  machine.set(-24 * hour);
  machine.pass(3_000);
  expect(Math.abs(machine.apartMs())).toBeLessThan(31_000);
  machine.pass(6 * 60_000);
  expect(Math.abs(machine.apartMs())).toBeLessThan(10);
  expect(machine.save().steps).toBe(2);
});

it("world time is never earlier than it was, though the clock was set back while the world was down", () => {
  const before = simulate();
  before.read();
  before.pass(60_000);
  const saved = before.save();
  const after = simulate(saved, -hour);
  expect(after.read()).toBeLessThan(-hour + 60_000);
  expect(after.save().worldMs).toBeGreaterThanOrEqual(saved.worldMs);
  expect(after.save().steps).toBe(1);
});

it("an offset is worn down on where it was after a restart", () => {
  const before = simulate();
  before.read();
  before.set(hour);
  before.pass(30_000);
  const saved = before.save();
  // A minute later.
  const after = simulate(saved, hour + 60_000);
  after.read();
  expect(after.save().offsetMs).toBe(saved.offsetMs);
});

it("what a machine slept has passed: no clock was set", () => {
  const machine = simulate();
  machine.read();
  machine.sleep(8 * hour);
  expect(machine.read()).toBe(0);
  expect(Math.abs(machine.apartMs())).toBeLessThan(10);
  expect(machine.save()).toMatchObject({ offsetMs: 0, steps: 0 });
});

it("a slow answer and drift are no step", () => {
  const machine = simulate();
  machine.read();
  for (let n = 0; n < 100; n++) {
    machine.set(20);
    machine.pass(3_000);
  }
  expect(machine.read(2_500)).toBe(0);
  machine.set(1_500);
  expect(machine.read(2_500)).toBe(0);
  expect(machine.save().steps).toBe(0);
  expect(machine.apartMs()).toBeCloseTo(machine.clockApartMs(), 0);
});
