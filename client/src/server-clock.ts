/**
 * The server's time on the local monotonic clock: a device whose date is wrong still makes request ids that
 * the server takes.
 */
export interface ServerClock {
  /** Unix milliseconds of the server, as well as is known; the device's own before the first sample. */
  now(): number;
  /** The server said `serverMs`; the question took `roundTripMs`, of which half is taken for the way back. */
  sample(serverMs: number, roundTripMs: number): void;
  /** A new server: its samples count, whatever the last one said. */
  reset(): void;
}

/** After so many samples a slower one is taken, too: clocks drift. */
const samplesKept = 20;

export function createServerClock(
  monotonicMs: () => number = () => performance.now(),
): ServerClock {
  let offsetMs = Date.now() - monotonicMs();
  let bestMs = Number.POSITIVE_INFINITY;
  let sinceBest = 0;
  return {
    now: () => monotonicMs() + offsetMs,
    sample(serverMs, roundTripMs) {
      if (roundTripMs > bestMs && ++sinceBest < samplesKept) return;
      sinceBest = 0;
      bestMs = roundTripMs;
      offsetMs = serverMs + roundTripMs / 2 - monotonicMs();
    },
    reset() {
      bestMs = Number.POSITIVE_INFINITY;
      sinceBest = 0;
    },
  };
}
