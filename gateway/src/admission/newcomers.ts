import { LRUCache } from "lru-cache";
import { networkOf } from "./network-of.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface NewcomersOptions {
  /** Connections without a session, from everywhere: beyond it, the one that has waited longest is ended. */
  readonly newcomersMax: number;
  /** The same of one address, beyond which none is taken; an IPv6 network of /64 is one. */
  readonly newcomersPerAddressMax: number;
  /** Tokens of `hello` that are checked for one address in a second, and five times as many at once. */
  readonly tokenChecksPerAddressPerS: number;
}

const burstFactor = 5;
/** Addresses whose checks are remembered; the one that was used least recently is forgotten. */
const addressesMax = 50_000;

/** Connections that have not said yet who they are. */
export class Newcomers {
  readonly #options: NewcomersOptions;
  readonly #byNetwork = new Map<string, number>();
  readonly #checks = new LRUCache<string, TokenBucket>({ max: addressesMax });
  /** How each is ended, the one that has waited longest first. */
  readonly #ends = new Set<() => void>();

  constructor(options: NewcomersOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#ends.size;
  }

  /** Whether so many of an address are here that it may send no more. */
  isFull(address: string): boolean {
    const known = this.#byNetwork.get(networkOf(address)) ?? 0;
    return known >= this.#options.newcomersPerAddressMax;
  }

  /**
   * Counts one more. When there are too many of all, the one that has waited longest is ended: whoever has a token
   * says so at once, so that a crowd without one keeps nobody out.
   *
   * @param end ends the connection; it leaves by that.
   * Returns how it leaves: when its session begins, or it ends; once.
   */
  enter(address: string, end: () => void): () => void {
    const network = networkOf(address);
    const [oldest] = this.#ends;
    if (this.#ends.size >= this.#options.newcomersMax) oldest?.();
    const own = (): void => end();
    this.#ends.add(own);
    this.#byNetwork.set(network, (this.#byNetwork.get(network) ?? 0) + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#ends.delete(own);
      const left = (this.#byNetwork.get(network) ?? 1) - 1;
      if (left > 0) this.#byNetwork.set(network, left);
      else this.#byNetwork.delete(network);
    };
  }

  /** 0 = a token may be checked for the address; else milliseconds until one may. */
  takeTokenCheck(address: string, nowMs: number): number {
    const network = networkOf(address);
    const { tokenChecksPerAddressPerS: perS } = this.#options;
    const bucket = this.#checks.get(network) ?? new TokenBucket(perS, perS * burstFactor, nowMs);
    this.#checks.set(network, bucket);
    return bucket.take(nowMs);
  }
}
