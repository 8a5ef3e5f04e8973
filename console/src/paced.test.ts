import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { paced } from "./paced.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("the first is at once, all that are wanted in its second are one more, and then it rests", async () => {
  let runs = 0;
  const want = paced(() => Promise.resolve(void runs++), 1000);
  want();
  expect(runs).toBe(1);
  for (let n = 0; n < 20; n++) {
    want();
    await vi.advanceTimersByTimeAsync(40);
  }
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(300);
  expect(runs).toBe(2);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs).toBe(2);
  want();
  expect(runs).toBe(3);
});
