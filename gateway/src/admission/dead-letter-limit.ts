import { LRUCache } from "lru-cache";

/** Dead letters of an (account, type) in an hour after which that type is refused for an hour. */
const lettersMax = 3;
const windowMs = 3_600_000;
const accountsMax = 100_000;

/** Keeps an account from sending what the rules fail on, again and again. */
export class DeadLetterLimit {
  readonly #letters = new LRUCache<string, number[]>({ max: accountsMax, ttl: windowMs });

  noted(account: string, type: string, nowMs: number): void {
    const key = `${account} ${type}`;
    const recent = (this.#letters.get(key) ?? []).filter((atMs) => nowMs - atMs < windowMs);
    this.#letters.set(key, [...recent, nowMs].slice(-lettersMax));
  }

  /** 0 = it may pass; else milliseconds until it may. */
  waitMs(account: string, type: string, nowMs: number): number {
    const letters = this.#letters.get(`${account} ${type}`);
    if (letters === undefined || letters.length < lettersMax) return 0;
    return Math.max(letters.at(-1)! + windowMs - nowMs, 0);
  }
}
