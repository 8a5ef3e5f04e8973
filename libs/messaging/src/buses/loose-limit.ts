/**
 * Bounds what is published without a confirm while the broker reads nothing (its memory or disk alarm, or it hangs):
 * both kinds may be lost, and are made good by whoever was to get them.
 */
import type { LooseKind } from "../bus.ts";

/**
 * Bytes that wait for the broker, above which a kind is dropped. Of views some 20,000 events, a minute of a full
 * worker; replies go on for longer: one that is dropped costs its client 5 s and a repetition.
 */
export const looseBytesMax: Readonly<Record<LooseKind, number>> = {
  view: 8 * 1024 * 1024,
  reply: 32 * 1024 * 1024,
};

export interface LooseLimitOptions {
  /** What waits now; undefined: there is no connection. */
  readonly waitingBytes: () => number | undefined;
  readonly onDrop: (kind: LooseKind) => void;
  /** Views were dropped, and less than half of their bound waits: receivers must be told, or miss the last ones. */
  readonly onViewsLost: () => void;
  /** Default 1 s. */
  readonly checkEveryMs?: number;
}

export class LooseLimit {
  readonly #options: LooseLimitOptions;
  /** While receivers have to be told of lost views. */
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LooseLimitOptions) {
    this.#options = options;
  }

  /** Whether one more may be published. */
  takes(kind: LooseKind): boolean {
    const waiting = this.#options.waitingBytes() ?? 0;
    if (waiting <= looseBytesMax[kind]) return true;
    this.#options.onDrop(kind);
    if (kind === "view") {
      this.#timer ??= setInterval(() => this.#check(), this.#options.checkEveryMs ?? 1000).unref();
    }
    return false;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    const waiting = this.#options.waitingBytes();
    if (waiting === undefined || waiting > looseBytesMax.view / 2) return;
    this.stop();
    this.#options.onViewsLost();
  }
}
