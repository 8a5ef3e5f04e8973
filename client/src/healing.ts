/**
 * State that follows a topic and heals itself: an iterator of the newest state. Whatever was lost on the way (an event, the
 * last one, a connection, all of them while the reader was slow) ends in the state being read again.
 *
 * A follower is *waiting* for a mark → *reading* → *following*; a hole, a resync, a mark that is ahead or the passing of
 * `readEveryMs` lead back to *reading*, a lost connection to *waiting*. Events that come while it reads are applied behind
 * what was read.
 */
import { backoffMs } from "./backoff.ts";
import type { Client } from "./client.ts";
import type { TopicUpdate } from "./topics.ts";

export type TopicEvent = Extract<TopicUpdate, { readonly kind: "event" }>;

/** What reading comes to: the state; `again`: not now; `never`: there is nothing to follow, and why. */
export type Read<S> =
  | { readonly kind: "state"; readonly state: S }
  | { readonly kind: "again" }
  | { readonly kind: "never"; readonly reason: string };

export interface Healing<S> {
  readonly topic: string;
  read(): Promise<Read<S>>;
  /** The state behind an event; `old`: the state has it; `hole`: it must be read. */
  apply(state: S, event: TopicEvent): S | "old" | "hole";
  /** How far the state has come in the topic; 0 = topics without numbers. */
  seqOf(state: S): bigint;
}

export interface WatchOptions {
  /** Ends the iterator, as the end of the session does: it is done then, and does not throw. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which state is read whatever was heard. Default 60,000: the hints of a process that died are noticed by nothing else. */
  readonly readEveryMs?: number;
}

/** There is nothing to follow: the topic or what it is about does not exist, or not for this session. */
export class WatchError extends Error {
  readonly code = "WATCH";
  readonly reason: string;
  constructor(topic: string, reason: string) {
    super(`${topic} cannot be watched: ${reason}`);
    this.name = "WatchError";
    this.reason = reason;
  }
}

const readEveryMsDefault = 60_000;
/** Between two readings: a hint each turn is no reason for more. */
const readPauseMs = 250;
/** Events that wait for a reading; beyond it there is one more reading instead. */
const waitingMax = 256;
const retry = { baseMs: 250, maxMs: 4_000 };

/** The newest state each time it has changed: what a slow consumer has not taken is replaced. */
export function healing<S>(
  client: Pick<Client<unknown>, "listen">,
  source: Healing<S>,
  { signal, readEveryMs = readEveryMsDefault }: WatchOptions = {},
): AsyncIterableIterator<S> {
  let state: S | undefined;
  let newest: { readonly state: S } | undefined;
  let end: { readonly error?: Error } | undefined;
  let wake: (() => void) | undefined;
  /** No mark has come on this connection. */
  let isWaiting = true;
  let isReading = false;
  let isStale = false;
  let failures = 0;
  let events: TopicEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  function finish(error?: Error): void {
    if (end !== undefined) return;
    end = error === undefined ? {} : { error };
    clearTimeout(timer);
    clearInterval(clock);
    listening.close();
    signal?.removeEventListener("abort", onAbort);
    wake?.();
  }
  const onAbort = (): void => finish();

  function yielded(next: S): void {
    state = next;
    newest = { state: next };
    wake?.();
  }

  function stale(inMs = 0): void {
    isStale = true;
    if (isReading || isWaiting || timer !== undefined || end !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      void readOnce();
    }, inMs);
  }

  /** Never rejects. */
  async function readOnce(): Promise<void> {
    isReading = true;
    isStale = false;
    const read = await source.read().catch((): Read<S> => ({ kind: "again" }));
    isReading = false;
    if (end !== undefined) return;
    if (read.kind === "never") {
      finish(new WatchError(source.topic, read.reason));
      return;
    }
    const waited = events;
    events = [];
    if (read.kind === "again") {
      stale(backoffMs(failures++, retry));
      return;
    }
    failures = 0;
    yielded(read.state);
    for (const event of waited) onEvent(event);
    // Something was lost while it was read.
    if (isStale) stale(readPauseMs);
  }

  function onEvent(event: TopicEvent): void {
    if (isReading || state === undefined) {
      if (events.length < waitingMax) events.push(event);
      else isStale = true;
      return;
    }
    const next = source.apply(state, event);
    if (next === "old") return;
    if (next === "hole") stale(readPauseMs);
    else yielded(next);
  }

  function onUpdate(update: TopicUpdate): void {
    switch (update.kind) {
      case "event":
        onEvent(update);
        break;
      case "mark": {
        const isFirst = isWaiting;
        isWaiting = false;
        const isBehind = state === undefined || update.seq > source.seqOf(state);
        if (isFirst || isBehind || update.seq === 0n) stale();
        break;
      }
      case "lost":
        if (update.cause === "connection") {
          isWaiting = true;
          clearTimeout(timer);
          timer = undefined;
        } else stale();
        break;
      case "closed":
        finish();
        break;
      case "denied":
        finish(new WatchError(source.topic, update.reason));
        break;
      default:
        update satisfies never;
    }
  }

  const listening = client.listen(source.topic, onUpdate);
  const clock = setInterval(() => stale(), readEveryMs);
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted === true) finish();

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      while (newest === undefined && end === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
      }
      if (newest !== undefined && end?.error === undefined && signal?.aborted !== true) {
        const { state: value } = newest;
        newest = undefined;
        return { done: false, value };
      }
      if (end?.error !== undefined) throw end.error;
      return { done: true, value: undefined };
    },
    return() {
      finish();
      newest = undefined;
      return Promise.resolve({ done: true, value: undefined });
    },
  };
}

/** A reading waits for no order that is being placed. */
export const unordered = { ordered: false } as const;

/** What is refused will be refused again; what fails is tried again. */
export function readOf<R, S>(
  outcome:
    | { readonly outcome: "applied"; readonly result: R }
    | { readonly outcome: "refused"; readonly reason: string }
    | { readonly outcome: "error" },
  stateOf: (result: R) => S,
): Read<S> {
  switch (outcome.outcome) {
    case "applied":
      return { kind: "state", state: stateOf(outcome.result) };
    case "refused":
      return { kind: "never", reason: outcome.reason };
    default:
      return { kind: "again" };
  }
}
