import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LooseLimit, looseBytesMax } from "./loose-limit.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("drops views, and replies later, while too much waits, and has lost views told of once when that is over", () => {
  let waiting: number | undefined = looseBytesMax.view;
  const dropped: string[] = [];
  let told = 0;
  const limit = new LooseLimit({
    waitingBytes: () => waiting,
    onDrop: (kind) => dropped.push(kind),
    onViewsLost: () => told++,
  });
  expect([limit.takes("view"), limit.takes("reply")]).toEqual([true, true]);
  waiting++;
  expect([limit.takes("view"), limit.takes("view"), limit.takes("reply")]).toEqual([
    false,
    false,
    true,
  ]);
  waiting = looseBytesMax.reply + 1;
  expect(limit.takes("reply")).toBe(false);
  expect(dropped).toEqual(["view", "view", "reply"]);
  vi.advanceTimersByTime(60_000);
  // Without a connection nobody can be told.
  waiting = undefined;
  vi.advanceTimersByTime(60_000);
  expect(told).toBe(0);
  waiting = looseBytesMax.view / 2;
  vi.advanceTimersByTime(60_000);
  expect([told, limit.takes("view")]).toEqual([1, true]);
});
