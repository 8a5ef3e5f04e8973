import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { trackFailing } from "./failing-processes.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const died = (reason: string) =>
  ({ type: "died", name: "worker-1", how: "exit code 1", reason, delayMs: 100 }) as const;
const restarted = { type: "restarted", name: "worker-1", pid: 1 } as const;

it("names a process that keeps dying by its last words, until it has lived on for a while", () => {
  const onChange = vi.fn<() => void>();
  const failing = trackFailing(onChange, 1000);
  failing.see({ type: "started", name: "worker-1", pid: 1 });
  expect(failing.list()).toEqual([]);
  failing.see(died("first"));
  failing.see(restarted);
  vi.advanceTimersByTime(900);
  failing.see(died("second"));
  vi.advanceTimersByTime(5000);
  expect(failing.list()).toEqual([{ name: "worker-1", deaths: 2, reason: "second" }]);
  failing.see(restarted);
  vi.advanceTimersByTime(999);
  expect(failing.list()).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(failing.list()).toEqual([]);
  expect(onChange).toHaveBeenCalledOnce();
});
