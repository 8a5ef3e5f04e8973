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

  /** 0 = it may pass; else milliseconds until the next may. */
  take(nowMs: number): number {
    this.#tokens = Math.min(this.#tokens + (nowMs - this.#atMs) * this.#perMs, this.#burst);
    this.#atMs = nowMs;
    if (this.#tokens >= 1) {
      this.#tokens--;
      return 0;
    }
    return Math.ceil((1 - this.#tokens) / this.#perMs);
  }
}
