import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

test("the pause doubles up to its maximum, with up to half of it taken off", () => {
  const options = { baseMs: 100, maxMs: 1000 };
  expect([0, 1, 2, 3, 4, 99].map((attempt) => backoffMs(attempt, options, () => 1))).toEqual([
    100, 200, 400, 800, 1000, 1000,
  ]);
  expect(backoffMs(0, options, () => 0)).toBe(50);
});
