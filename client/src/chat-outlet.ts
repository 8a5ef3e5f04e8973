/** What a chat stream tells, in its order: an iterator that loses nothing unnoticed when its reader is slow. */
import type { WatchOptions } from "./healing.ts";

export interface ChatLine {
  readonly kind: "said";
  /** `world`, `hex/<key text>`, or `whisper/<account>/<account>`, the smaller id first. */
  readonly channel: string;
  /** Counts the messages of the channel, from 1. */
  readonly seq: bigint;
  /** Of who said it, 16 bytes. */
  readonly accountId: Uint8Array;
  /** Empty: the account has none. */
  readonly name: string;
  /** Plain text: show it as such. Empty when it was removed. */
  readonly text: string;
  /** World time, Unix milliseconds. */
  readonly atMs: number;
  readonly isRemoved: boolean;
}

export type ChatUpdate =
  | ChatLine
  /** A moderator has taken a message away that may have been told. */
  | { readonly kind: "removed"; readonly channel: string; readonly seq: bigint }
  /** Messages that are not told, from one to the other: too many were missed, or they are not kept. */
  | {
      readonly kind: "skipped";
      readonly channel: string;
      readonly from: bigint;
      readonly to: bigint;
    };

/** Updates that wait for a reader; beyond it the oldest are skipped. */
const waitingMax = 1_000;

export class Outlet<U extends { readonly kind: string }> {
  #waiting: U[] = [];
  #wake: (() => void)[] = [];
  #end: { readonly error?: Error } | undefined;
  readonly #onEnd: () => void;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.finish();

  constructor(signal: WatchOptions["signal"], onEnd: () => void) {
    this.#signal = signal;
    this.#onEnd = onEnd;
    signal?.addEventListener("abort", this.#onAbort);
  }

  get isFinished(): boolean {
    return this.#end !== undefined;
  }

  tell(update: U): void {
    if (this.#end !== undefined) return;
    this.#waiting.push(update);
    if (this.#waiting.length > waitingMax) this.#skipOldest();
    this.#wakeAll();
  }

  finish(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#onEnd();
    this.#wakeAll();
  }

  iterator(): AsyncIterableIterator<U> {
    if (this.#signal?.aborted === true) this.finish();
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => this.#next(),
      return: () => {
        this.finish();
        this.#waiting = [];
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  async #next(): Promise<IteratorResult<U, undefined>> {
    for (;;) {
      const isAborted = this.#signal?.aborted === true;
      const value = isAborted ? undefined : this.#waiting.shift();
      if (value !== undefined) return { done: false, value };
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return { done: true, value: undefined };
      await new Promise<void>((resolve) => void this.#wake.push(resolve));
    }
  }

  /** The two oldest become one that says what is missing; what has no number is let go. */
  #skipOldest(): void {
    const first = this.#waiting.findIndex((update) => rangeOf(update) !== undefined);
    const range = rangeOf(this.#waiting[first]);
    if (first === -1 || range === undefined) {
      this.#waiting.shift();
      return;
    }
    const next = this.#waiting.findIndex(
      (update, n) => n > first && rangeOf(update)?.channel === range.channel,
    );
    const to = rangeOf(this.#waiting[next])?.to ?? range.to;
    this.#waiting[first] = { kind: "skipped", ...range, to } as unknown as U;
    if (next !== -1) this.#waiting.splice(next, 1);
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

interface NumberRange {
  readonly channel: string;
  readonly from: bigint;
  readonly to: bigint;
}

/** Numbers that an update is about; undefined: it has none. */
function rangeOf(update: { readonly kind: string } | undefined): NumberRange | undefined {
  const known = update as ChatUpdate | undefined;
  if (known?.kind === "said") return { channel: known.channel, from: known.seq, to: known.seq };
  if (known?.kind !== "skipped") return undefined;
  return { channel: known.channel, from: known.from, to: known.to };
}
