/**
 * One channel of chat, told in the order of its numbers, each once. What comes early waits for what it follows; what does not
 * come in a moment is read. Numbers that cannot be had are told as skipped.
 */
import { backoffMs } from "./backoff.ts";
import type { ChatLine, ChatUpdate } from "./chat-outlet.ts";

/** Lines below `before` (0 = the newest), the newest first. */
export type ReadHistory = (
  channel: string,
  before: bigint,
  limit: number,
) => Promise<
  | {
      readonly kind: "page";
      readonly lines: readonly ChatLine[];
      /** 0 = there are no older ones. */
      readonly nextBefore: bigint;
      /** The channel's last number. */
      readonly seq: bigint;
    }
  | { readonly kind: "again" }
  | { readonly kind: "never"; readonly reason: string }
>;

export interface FollowerOptions {
  readonly channel: string;
  readonly readHistory: ReadHistory;
  /** Lines that are told of what was said before: the newest ones. */
  readonly backlog: number;
  readonly tell: (update: ChatUpdate) => void;
  /** The channel is not to be read; nothing more is told. */
  readonly onNever: (reason: string) => void;
  /** The last number that was told; undefined: none, and `backlog` lines come first. */
  readonly last?: bigint | undefined;
}

const pageLines = 50;
/** Lines that are read to close a hole; older ones are skipped. */
const healedMax = 500;
/** So long may two messages be told in the wrong order. */
const lateMs = 100;
/** Lines that wait for what they follow; beyond it all is read. */
const earlyMax = 256;
const retry = { baseMs: 250, maxMs: 4_000 };

export class ChatFollower {
  readonly #options: FollowerOptions;
  #last: bigint | undefined;
  /** As long as nothing was read since it began: what came before is told as far as the backlog goes. */
  #isFresh = true;
  readonly #early = new Map<bigint, ChatLine>();
  #isReading = false;
  /** It must be read, whatever comes meanwhile. */
  #isStale = false;
  /** The channel has come to this number. */
  #marked = 0n;
  #isClosed = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#last = options.last;
  }

  /** The last number that was told; undefined: nothing was read yet. */
  get last(): bigint | undefined {
    return this.#last;
  }

  said(line: ChatLine): void {
    if (this.#isClosed || (this.#last !== undefined && line.seq <= this.#last)) return;
    if (this.#early.size < earlyMax) this.#early.set(line.seq, line);
    if (this.#isReading || this.#isFresh) return;
    this.#drain();
    if (this.#early.size > 0) this.#readSoon(lateMs);
  }

  /** The channel has come to `seq`. */
  marked(seq: bigint): void {
    if (seq > this.#marked) this.#marked = seq;
    if (this.#isBehind) this.#readSoon(this.#isFresh ? 0 : lateMs);
  }

  /** Something may have been lost. */
  stale(): void {
    this.#isStale = true;
    this.#readSoon(0);
  }

  /** Something is to be read: what was waited for has not come. */
  get #isBehind(): boolean {
    return this.#isStale || this.#early.size > 0 || this.#marked > (this.#last ?? -1n);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #drain(): void {
    for (;;) {
      const next = (this.#last ?? 0n) + 1n;
      const line = this.#early.get(next);
      if (line === undefined) break;
      this.#early.delete(next);
      this.#last = next;
      this.#options.tell(line);
    }
    for (const seq of this.#early.keys()) {
      if (seq <= (this.#last ?? 0n)) this.#early.delete(seq);
    }
  }

  #readSoon(inMs: number): void {
    if (this.#isReading || this.#isClosed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isBehind) void this.#read();
    }, inMs);
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    this.#isReading = true;
    this.#isStale = false;
    this.#marked = 0n;
    const read = await this.#readMissed().catch(() => ({ kind: "again" }) as const);
    this.#isReading = false;
    if (this.#isClosed) return;
    if (read.kind === "never") {
      this.close();
      this.#options.onNever(read.reason);
      return;
    }
    if (read.kind === "again") {
      this.#isStale = true;
      this.#readSoon(backoffMs(this.#failures++, retry));
      return;
    }
    const before = this.#last;
    this.#tellRead(read.lines, read.seq);
    this.#drain();
    // A server that was set back does not have what was heard: it is not asked again and again.
    const hasComeOn = this.#last !== before;
    if (hasComeOn) this.#failures = 0;
    if (this.#isBehind) this.#readSoon(hasComeOn ? lateMs : backoffMs(this.#failures++, retry));
  }

  /** What was said since the last number that was told, the oldest first, as far as it is to be had. */
  async #readMissed(): Promise<
    | { readonly kind: "read"; readonly lines: readonly ChatLine[]; readonly seq: bigint }
    | { readonly kind: "again" }
    | { readonly kind: "never"; readonly reason: string }
  > {
    const { channel, readHistory, backlog } = this.#options;
    const after = this.#last ?? 0n;
    const linesMax = this.#isFresh ? backlog : healedMax;
    const lines: ChatLine[] = [];
    let seq = 0n;
    let before = 0n;
    do {
      const limit = Math.min(Math.max(linesMax - lines.length, 1), pageLines);
      const page = await readHistory(channel, before, limit);
      if (page.kind !== "page") return page;
      if (before === 0n) ({ seq } = page);
      const missed = page.lines.filter((line) => line.seq > after);
      lines.push(...missed);
      before = missed.length < page.lines.length ? 0n : page.nextBefore;
    } while (before > 0n && lines.length < linesMax);
    return { kind: "read", lines: lines.slice(0, linesMax).toReversed(), seq };
  }

  #tellRead(lines: readonly ChatLine[], seq: bigint): void {
    const { channel, tell } = this.#options;
    const isFirst = this.#isFresh;
    this.#isFresh = false;
    const newest = lines.at(-1)?.seq ?? 0n;
    const end = newest > seq ? newest : seq;
    for (const line of lines) {
      const next = (this.#last ?? 0n) + 1n;
      if (line.seq < next) continue;
      // What was before the first lines is history, and not missed.
      if (line.seq > next && !isFirst)
        tell({ kind: "skipped", channel, from: next, to: line.seq - 1n });
      this.#last = line.seq;
      tell(line);
    }
    const next = (this.#last ?? 0n) + 1n;
    if (end >= next) {
      if (!isFirst) tell({ kind: "skipped", channel, from: next, to: end });
      this.#last = end;
    }
    this.#last ??= 0n;
  }
}
