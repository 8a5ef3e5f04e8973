/** Lets `perS` things a second pass, and `burst` at once. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(perS: number, burst: number, nowMs: number) {
    this.#perMs = perS / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** 0 = `count` of them may pass; else milliseconds until they may. More than `burst` at once never may: Infinity. */
  take(nowMs: number, count = 1): number {
    const waitMs = this.waitMs(nowMs, count);
    if (waitMs === 0) this.#tokens -= count;
    return waitMs;
  }

  /** As {@link take}, and takes nothing. */
  waitMs(nowMs: number, count = 1): number {
    this.#tokens = Math.min(this.#tokens + (nowMs - this.#atMs) * this.#perMs, this.#burst);
    this.#atMs = nowMs;
    if (count > this.#burst) return Infinity;
    return this.#tokens >= count ? 0 : Math.ceil((count - this.#tokens) / this.#perMs);
  }

  /** Takes what is left and `debtMs` of what is to come. */
  drain(debtMs: number): void {
    this.#tokens = Math.min(this.#tokens, -debtMs * this.#perMs);
  }
}
