import { createOffsetFilter, offsetSample } from "./clock-offset.ts";

/** World time, as a router told it, carried on by this process's monotonic clock. */
export interface WorldClock {
  /** Unix milliseconds, whole. Throws before the first answer. */
  now(): number;
  /**
   * Learns from an answer that says `worldMs`, asked and received at these times of the monotonic clock:
   * taken to be said halfway. Of the last answers the one with the shortest round trip counts, as its
   * error, at most half of that, is the smallest: with a heartbeat every 3 s what the world's clock does is followed
   * in 15 s.
   */
  observe(answer: {
    readonly sentMs: number;
    readonly receivedMs: number;
    readonly worldMs: number;
  }): void;
}

/** @param monotonicNow milliseconds that never go back: `performance.now`. */
export function createWorldClock(monotonicNow: () => number): WorldClock {
  const filter = createOffsetFilter();
  let offsetMs = Number.NaN;
  return {
    now() {
      if (Number.isNaN(offsetMs))
        throw new Error("world time is asked before a router has told it");
      return Math.round(monotonicNow() + offsetMs);
    },
    observe({ sentMs, receivedMs, worldMs }) {
      offsetMs = filter.add(offsetSample({ sentMs, receivedMs, clockMs: worldMs }));
    },
  };
}
