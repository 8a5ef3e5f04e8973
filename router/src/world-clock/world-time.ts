import { uptime } from "node:os";
import { watchPostgres } from "@hexhold/config";
import type { Logger } from "@hexhold/telemetry";
import { createBoundedClock, type SavedClock } from "./bounded-clock.ts";

/** World time as this router tells it; see {@link createBoundedClock} for how it follows PostgreSQL's clock. */
export interface WorldTime {
  /** Unix milliseconds, whole. */
  now(): number;
  /** PostgreSQL's clock, which others compare their own with. */
  clockNow(): number;
  /** World time minus PostgreSQL's clock, in milliseconds: not 0 when that clock was set. */
  offsetMs(): number;
  /** Why PostgreSQL's clock could not be read last time; undefined = it could. */
  fault(): string | undefined;
  stop(): Promise<void>;
}

/** What of the control store it needs. */
export interface WorldClockStore {
  /** PostgreSQL's clock, Unix milliseconds. */
  clockMs(): Promise<number>;
  worldClock(): Promise<SavedClock>;
  saveWorldClock(clock: SavedClock): Promise<void>;
}

const readEveryMs = 1_500;
/** A restart may lose so much of what was worn down, and no more. */
const saveEveryMs = 15_000;

/**
 * Rejects when the first reading fails. Later failures are logged, and time goes on.
 * @param onStep hears by how many milliseconds PostgreSQL's clock was set.
 */
export async function startWorldTime(
  store: WorldClockStore,
  logger: Logger,
  onStep: (ms: number) => void = () => undefined,
  everyMs = readEveryMs,
): Promise<WorldTime> {
  const clock = createBoundedClock(await store.worldClock());
  let savedMs = performance.now();

  async function save(): Promise<void> {
    savedMs = performance.now();
    await store.saveWorldClock(clock.save(savedMs));
  }

  async function read(): Promise<void> {
    const sentMs = performance.now();
    const clockMs = await store.clockMs();
    const receivedMs = performance.now();
    // The time since boot counts the time in which the machine slept, the monotonic clock does not.
    const sleptMs = uptime() * 1000 - receivedMs;
    const stepMs = clock.observe({ clockMs, sentMs, receivedMs, sleptMs });
    if (stepMs !== 0) {
      onStep(stepMs);
      logger.warn(
        { stepSeconds: Math.round(stepMs / 1000) },
        "PostgreSQL's clock was set: world time goes on, and follows it by six minutes an hour",
      );
    }
    if (stepMs !== 0 || receivedMs - savedMs >= saveEveryMs) await save();
  }

  // The first reading opens a connection and comes late; the second is a good one.
  await read();
  await read();
  await save();
  const watch = watchPostgres(read, everyMs, (error) =>
    logger.debug({ err: error }, "PostgreSQL's clock could not be read"),
  );
  return {
    now: () => clock.worldMs(performance.now()),
    clockNow: () => Math.round(clock.clockMs(performance.now())),
    offsetMs: () => clock.save(performance.now()).offsetMs,
    fault: () => watch.fault,
    async stop() {
      await watch.stop();
      await save().catch((error: unknown) => {
        logger.debug({ err: error }, "world time could not be saved");
      });
    },
  };
}
