/** How long to wait before something is tried again. */
export interface BackoffOptions {
  /** Before the first repetition. */
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * base · 2ⁿ up to the maximum, of which a random half is taken off, so that clients that failed together do
 * not come back together. `attempt` counts from 0.
 */
export function backoffMs(
  attempt: number,
  { baseMs, maxMs }: BackoffOptions,
  random: () => number = Math.random,
): number {
  const full = Math.min(baseMs * 2 ** Math.min(attempt, 30), maxMs);
  return full * (0.5 + random() / 2);
}
