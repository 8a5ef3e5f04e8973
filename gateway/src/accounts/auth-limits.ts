import { isIPv6 } from "node:net";
import { LRUCache } from "lru-cache";
import { TokenBucket } from "../admission/token-bucket.ts";

export interface AuthLimitOptions {
  /** Calls a minute from one address, and as many at once. */
  readonly perAddressPerMin: number;
  /** The same for one name: it is what a password is guessed for. */
  readonly perNamePerMin: number;
}

/** Buckets of each kind; the least used are forgotten. */
const bucketsMax = 50_000;

/** Limits of this gateway alone, in its memory. */
export class AuthLimits {
  readonly #addresses = new LRUCache<string, TokenBucket>({ max: bucketsMax });
  readonly #names = new LRUCache<string, TokenBucket>({ max: bucketsMax });
  readonly #options: AuthLimitOptions;

  constructor(options: AuthLimitOptions) {
    this.#options = options;
  }

  /** 0 = it may pass; else milliseconds until the next may. `name` undefined: a call without one. */
  waitMs(address: string, name: string | undefined, nowMs: number): number {
    const { perAddressPerMin, perNamePerMin } = this.#options;
    const waitMs = take(this.#addresses, network(address), perAddressPerMin, nowMs);
    if (waitMs > 0 || name === undefined) return waitMs;
    return take(this.#names, name.toLowerCase(), perNamePerMin, nowMs);
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

/** Who has an IPv6 address has a whole /64 of them. */
function network(address: string): string {
  if (!isIPv6(address) || address.startsWith("::ffff:")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").length;
  const all = [
    ...groups,
    ...Array.from({ length: missing }, () => "0"),
    ...(tail ?? "").split(":"),
  ];
  return all.slice(0, 4).join(":");
}
