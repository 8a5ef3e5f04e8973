const FIRST_BACKOFF_MS = 100;
const BACKOFF_MAX_MS = 5_000;

/**
 * A process that has lived this long before it died is not in a crash loop: it had come up (a second here)
 * and worked. Longer, and one that is killed again and again from outside would be brought back ever later;
 * one that dies by itself every 2 s may be started every 2 s.
 */
export const STABLE_AFTER_MS = 2_000;

/**
 * How long to wait before a dead process is started again: not at all after the first death,
 * then 100 ms · 2ⁿ, at most 5 s.
 *
 * @param deaths in a row, without a life of `STABLE_AFTER_MS` between them; the first is 1
 */
export function restartDelayMs(deaths: number): number {
  return deaths <= 1 ? 0 : Math.min(BACKOFF_MAX_MS, FIRST_BACKOFF_MS * 2 ** (deaths - 2));
}
