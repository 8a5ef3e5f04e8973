import { WatchError } from "@hexhold/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { follow } from "./follow.ts";

const reported = vi.fn<(error: unknown) => void>();
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("reportError", reported);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  reported.mockClear();
});

/** A stream that gives these, then fails as told, or waits for its signal. */
async function* streamOf(states: readonly string[], signal: AbortSignal, fails?: Error) {
  for (const state of states) yield await Promise.resolve(state);
  if (fails !== undefined) throw fails;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  yield "late";
}

test("what is denied for a reason that passes is taken up again, and nothing is told after the end", async () => {
  const taken: string[] = [];
  let opened = 0;
  let last: AbortSignal | undefined;
  const stop = follow(
    (signal) => {
      last = signal;
      return ++opened === 1
        ? streamOf(["one"], signal, new WatchError("council/x", "not-subscribed"))
        : streamOf(["two"], signal);
    },
    (state) => taken.push(state),
  );
  await vi.advanceTimersByTimeAsync(10);
  expect([opened, taken]).toEqual([1, ["one"]]);
  await vi.advanceTimersByTimeAsync(1_100);
  expect([opened, taken]).toEqual([2, ["one", "two"]]);
  stop();
  expect(last?.aborted).toBe(true);
  await vi.advanceTimersByTimeAsync(5_000);
  expect([opened, taken, reported.mock.calls]).toEqual([2, ["one", "two"], []]);
});

test("what does not exist is not asked for again, and what nobody expected is reported", async () => {
  for (const [error, reports] of [
    [new WatchError("market/x", "unknown-topic"), 0],
    [new TypeError("a fault of ours"), 1],
  ] as const) {
    let opened = 0;
    follow(
      (signal) => (opened++, streamOf([], signal, error)),
      () => undefined,
    );
    await vi.advanceTimersByTimeAsync(5_000);
    expect([opened, reported.mock.calls.length]).toEqual([1, reports]);
  }
});
