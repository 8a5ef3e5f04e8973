import { createLogger } from "@hexhold/telemetry";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { RunStatement } from "./database.ts";
import { startSweep } from "./sweep.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

let log: string;
const logger = createLogger({
  service: "accounts",
  instance: "test",
  level: "debug",
  destination: { write: (line: string) => void (log += line) },
});
beforeEach(() => (log = ""));

/** A store with `left` expired rows of each table, of which a statement removes as many as it is let. */
function store(left: Record<string, number>): { run: RunStatement; ran: string[] } {
  const ran: string[] = [];
  const run = (name: string, _text: string, values: unknown[] = []): Promise<unknown[]> => {
    ran.push(name);
    const gone = Math.min(left[name] ?? 0, values[0] as number);
    left[name] = (left[name] ?? 0) - gone;
    return Promise.resolve(Array.from({ length: gone }));
  };
  return { run: run as unknown as RunStatement, ran };
}

it("removes all that has expired soon after the start, a limited number at a time, then hourly", async () => {
  const left = { sweep_tokens: 25_000, sweep_logins: 42_000 };
  const { run } = store(left);
  const stop = startSweep({ run }, logger);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(left).toEqual({ sweep_tokens: 0, sweep_logins: 0 });
  left.sweep_tokens = 10_001;
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(left.sweep_tokens).toBe(0);
  stop();
});

it("ends between two statements when it is stopped, and begins no more", async () => {
  const { run, ran } = store({ sweep_tokens: Infinity });
  let calls = 0;
  const stop = startSweep(
    {
      run: (...given) => {
        if (++calls === 5) stop();
        return run(...given);
      },
    },
    logger,
  );
  await vi.advanceTimersByTimeAsync(60_000);
  const atStop = ran.length;
  expect(atStop).toBeLessThan(8);
  await vi.advanceTimersByTimeAsync(7_200_000);
  expect(ran).toHaveLength(atStop);
});

it("says that it failed, and tries again with the next turn", async () => {
  let isAway = true;
  const left = { sweep_tokens: 3 };
  const { run } = store(left);
  const stop = startSweep(
    { run: (...given) => (isAway ? Promise.reject(new Error("away")) : run(...given)) },
    logger,
  );
  await vi.advanceTimersByTimeAsync(60_000);
  expect(log.split("\n").filter((line) => line.includes("could not be removed"))).toHaveLength(1);
  isAway = false;
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(left.sweep_tokens).toBe(0);
  stop();
});
