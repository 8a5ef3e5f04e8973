/** World time: PostgreSQL's clock as routers read it, carried on by this process's monotonic clock. */
export interface WorldClock {
  /** Unix milliseconds, whole. Throws before the first answer. */
  now(): number;
  /**
   * Learns from an answer that says `worldMs`, asked and received at these times of the monotonic clock:
   * taken to be said halfway. Of the last answers the one with the shortest round trip counts, as its
   * error, at most half of that, is the smallest.
   */
  observe(answer: {
    readonly sentMs: number;
    readonly receivedMs: number;
    readonly worldMs: number;
  }): void;
}

/** Answers among which the best is chosen; with a heartbeat every 3 s a step of the world's clock is followed in 15 s. */
const answersKept = 5;

/** @param monotonicNow milliseconds that never go back: `performance.now`. */
export function createWorldClock(monotonicNow: () => number): WorldClock {
  let answers: { readonly roundTripMs: number; readonly offsetMs: number }[] = [];
  let offsetMs = Number.NaN;
  return {
    now() {
      if (Number.isNaN(offsetMs))
        throw new Error("world time is asked before a router has told it");
      return Math.round(monotonicNow() + offsetMs);
    },
    observe({ sentMs, receivedMs, worldMs }) {
      const roundTripMs = receivedMs - sentMs;
      const answer = { roundTripMs, offsetMs: worldMs + roundTripMs / 2 - receivedMs };
      answers = [...answers.slice(1 - answersKept), answer];
      let best = answer;
      for (const other of answers) if (other.roundTripMs < best.roundTripMs) best = other;
      offsetMs = best.offsetMs;
    },
  };
}
