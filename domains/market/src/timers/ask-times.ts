/** The longest wait between two questions. */
const askMsMax = 300_000;

/**
 * How long to wait before the inventory is asked again what became of a hold, after a wait that ended `elapsedMs` after the
 * order was placed: about as long again as all of it, up to five minutes. With 5 s: after 5, 15, 35, 75 s. Pure.
 */
export function nextAskMs(elapsedMs: number, firstMs: number): number {
  return Math.min(Math.max(elapsedMs, 0) + firstMs, askMsMax);
}
