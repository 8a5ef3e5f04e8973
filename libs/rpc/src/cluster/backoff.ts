import { setTimeout as sleep } from "node:timers/promises";

/** Waits longer after each failure in a row, with 20 % of chance in it, so that a fleet does not come back in step. */
export interface Backoff {
  /** Resolves early, and false, when `signal` is aborted. */
  wait(signal: AbortSignal): Promise<boolean>;
  reset(): void;
}

/** First wait `firstMs`, then twice as long each time, at most `mostMs`. */
export function createBackoff(firstMs: number, mostMs: number): Backoff {
  let failures = 0;
  return {
    reset: () => void (failures = 0),
    async wait(signal) {
      const ms = Math.min(mostMs, firstMs * 2 ** Math.min(failures++, 16));
      const spread = ms * (0.9 + Math.random() * 0.2);
      return sleep(spread, true, { signal }).catch(() => false);
    },
  };
}
