/** First wait for a hex to say that it has taken its owner. */
export const resendMsFirst = 30_000;
const resendMsMax = 3_600_000;

/** How long to wait for the hex after a wait that ended `elapsedMs` after the decision: about as long again as all of it, up to an hour. Pure. */
export function nextResendMs(elapsedMs: number): number {
  return Math.min(Math.max(elapsedMs, 0) + resendMsFirst, resendMsMax);
}
