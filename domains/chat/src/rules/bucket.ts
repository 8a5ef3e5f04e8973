/** Token buckets, kept as the moment at which each is full again. Pure. */

export interface BucketRule {
  /** Tokens of a full bucket. */
  readonly burst: number;
  /** Milliseconds until another token is there. */
  readonly everyMs: number;
}

/** A bucket that is spent, or why not: after `waitMs` there is a token. */
export type Taken =
  | { readonly kind: "taken"; readonly fullMs: number }
  | { readonly kind: "empty"; readonly waitMs: number };

/**
 * Takes a token. @param fullMs when the bucket is full again, world time; 0 or in the past = it is full. Never later than an
 * empty bucket needs: after a clock that was set back nobody waits for the old one.
 */
export function take(fullMs: number, nowMs: number, { burst, everyMs }: BucketRule): Taken {
  const from = Math.min(Math.max(fullMs, nowMs), nowMs + burst * everyMs);
  const waitMs = from - nowMs - (burst - 1) * everyMs;
  return waitMs > 0 ? { kind: "empty", waitMs } : { kind: "taken", fullMs: from + everyMs };
}
