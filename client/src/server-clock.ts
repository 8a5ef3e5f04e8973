/**
 * The server's time on the local monotonic clock: a device whose date is wrong still makes request ids that
 * the server takes.
 */
export interface ServerClock {
  /** Unix milliseconds of the server, as well as is known; the device's own before the first sample. */
  now(): number;
  /**
   * The server said `serverMs`; the question took `roundTripMs`, of which half is taken for the way back. Counts when
   * its way was the shortest so far, and at once when the way cannot explain the difference: then the server's time
   * was set.
   */
  sample(serverMs: number, roundTripMs: number): void;
  /** A new server: its samples count, whatever the last one said. */
  reset(): void;
}

/** After so many samples a slower one is taken, too: clocks drift. */
const samplesKept = 20;
/** Drift between two samples that were taken, and a pause between a clock's reading and the socket. */
const driftMsMax = 250;

export function createServerClock(
  monotonicMs: () => number = () => performance.now(),
): ServerClock {
  let offsetMs = Date.now() - monotonicMs();
  let bestMs = Number.POSITIVE_INFINITY;
  let sinceBest = 0;
  return {
    now: () => monotonicMs() + offsetMs,
    sample(serverMs, roundTripMs) {
      const sampledMs = serverMs + roundTripMs / 2 - monotonicMs();
      // Each is wrong by half of its way at most.
      const wasSet = Math.abs(sampledMs - offsetMs) > (roundTripMs + bestMs) / 2 + driftMsMax;
      if (!wasSet && roundTripMs > bestMs && ++sinceBest < samplesKept) return;
      sinceBest = 0;
      bestMs = roundTripMs;
      offsetMs = sampledMs;
    },
    reset() {
      bestMs = Number.POSITIVE_INFINITY;
      sinceBest = 0;
    },
  };
}
