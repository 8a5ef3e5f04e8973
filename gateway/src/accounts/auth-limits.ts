import { LRUCache } from "lru-cache";
import { networkOf } from "../admission/network-of.ts";
import { TokenBucket } from "../admission/token-bucket.ts";

export interface AuthLimitOptions {
  /** Calls a minute from one address, and as many at once. */
  readonly perAddressPerMin: number;
  /** The same for one name: it is what a password is guessed for. */
  readonly perNamePerMin: number;
  /** Calls a minute under the access tokens of one account, and as many at once. */
  readonly asksPerAccountPerMin: number;
}

/** Buckets of each kind; the least used are forgotten. */
const bucketsMax = 50_000;

/** Limits of this gateway alone, in its memory. */
export class AuthLimits {
  readonly #addresses = new LRUCache<string, TokenBucket>({ max: bucketsMax });
  readonly #names = new LRUCache<string, TokenBucket>({ max: bucketsMax });
  readonly #accounts = new LRUCache<string, TokenBucket>({ max: bucketsMax });
  readonly #options: AuthLimitOptions;

  constructor(options: AuthLimitOptions) {
    this.#options = options;
  }

  /** 0 = it may pass; else milliseconds until the next may. `name` undefined: a call without one. */
  waitMs(address: string, name: string | undefined, nowMs: number): number {
    const { perAddressPerMin, perNamePerMin } = this.#options;
    const waitMs = take(this.#addresses, networkOf(address), perAddressPerMin, nowMs);
    if (waitMs > 0 || name === undefined) return waitMs;
    return take(this.#names, name.toLowerCase(), perNamePerMin, nowMs);
  }

  /** The same for a call under an access token of `account`. */
  askWaitMs(account: string, nowMs: number): number {
    return take(this.#accounts, account, this.#options.asksPerAccountPerMin, nowMs);
  }
}

function take(
  buckets: LRUCache<string, TokenBucket>,
  key: string,
  perMin: number,
  nowMs: number,
): number {
  const bucket = buckets.get(key) ?? new TokenBucket(perMin / 60, perMin, nowMs);
  buckets.set(key, bucket);
  return bucket.take(nowMs);
}
