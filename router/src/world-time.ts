import { createWorldClock } from "@hexhold/rpc";
import type { Logger } from "@hexhold/telemetry";

/** PostgreSQL's clock, read every few seconds and carried on by the local monotonic clock in between. */
export interface WorldTime {
  /** Unix milliseconds, whole. */
  now(): number;
  stop(): void;
}

const readEveryMs = 3_000;

/** Rejects when the first reading fails. Later failures are logged, and time goes on. */
export async function startWorldTime(
  readClockMs: () => Promise<number>,
  logger: Logger,
): Promise<WorldTime> {
  const clock = createWorldClock(() => performance.now());
  async function read(): Promise<void> {
    const sentMs = performance.now();
    const worldMs = await readClockMs();
    clock.observe({ sentMs, receivedMs: performance.now(), worldMs });
  }
  // The first reading opens a connection and comes late; the second is a good one.
  await read();
  await read();
  const timer = setInterval(() => {
    read().catch((error: unknown) => {
      logger.debug({ err: error }, "PostgreSQL's clock could not be read");
    });
  }, readEveryMs);
  return { now: () => clock.now(), stop: () => clearInterval(timer) };
}
