import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createHealthGrace } from "./health-grace.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched() {
  const told: string[] = [];
  const grace = createHealthGrace((slot, served) => told.push(`${slot} ${served}`), 1000);
  return { grace, told };
}

test("a slot that is served again in time was never said to be stalled", () => {
  const { grace, told } = watched();
  grace.report("p1", true);
  grace.report("p1", false);
  vi.advanceTimersByTime(999);
  grace.report("p1", false);
  grace.report("p1", true);
  vi.advanceTimersByTime(5000);
  expect(told).toEqual(["p1 true"]);
});

test("one that is not is said to be stalled once, a second after it was left", () => {
  const { grace, told } = watched();
  grace.report("p1", true);
  grace.report("p1", false);
  vi.advanceTimersByTime(900);
  grace.report("p1", false);
  vi.advanceTimersByTime(100);
  expect(told).toEqual(["p1 true", "p1 false"]);
  vi.advanceTimersByTime(5000);
  grace.report("p1", true);
  expect(told).toEqual(["p1 true", "p1 false", "p1 true"]);
});

test("one that was never served is stalled from the beginning", () => {
  const { grace, told } = watched();
  grace.report("p1", false);
  expect(told).toEqual(["p1 false"]);
});

test("nothing is said after the stop", () => {
  const { grace, told } = watched();
  grace.report("p1", true);
  grace.report("p1", false);
  grace.stop();
  vi.advanceTimersByTime(5000);
  expect(told).toEqual(["p1 true"]);
});
