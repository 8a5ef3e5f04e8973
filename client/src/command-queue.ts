/**
 * Commands from `submit` to their one final outcome.
 *
 * Phases of a command:
 * - `queued`: behind another of its lane, or no connection, or too many in flight.
 * - `sent`: on its way; an answer, the loss of the connection or its deadline ends this.
 * - `pausing`: "not now" was the answer; sent again in a while, with the same bytes.
 * One of a lane is on its way at a time: a lane is a key, so that nothing overtakes a command that must be
 * repeated. A late answer to an earlier send is as good as any, and ends every phase.
 */
import type { Answer } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { backoffMs } from "./backoff.ts";
import { hexDigits } from "./bytes.ts";
import type { CommandContract } from "./contract-of.ts";
import { type ClientTiming, pendingMax } from "./limits.ts";
import { type Failed, failed, isRetryable, outcomeOf, type ReadOutcome } from "./outcome.ts";
import type { Traffic } from "./socket.ts";
import type { ClientStats } from "./stats.ts";

export interface CommandOrder {
  readonly requestId: Uint8Array;
  readonly contract: CommandContract;
  /** The whole frame, encoded: every repetition sends the same bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly content: Traffic;
  /** Commands of one lane keep their order. */
  readonly lane: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /**
   * The same command under a new request id, made on the server's time as it is asked now; undefined where the caller
   * chose the id. Never rejects.
   */
  readonly renew?: (() => Promise<RenewedOrder>) | undefined;
}

export type RenewedOrder = Pick<CommandOrder, "requestId" | "bytes" | "content">;

export interface CommandQueueOptions {
  /** False: there is no session, or its buffer is full. */
  readonly send: (bytes: Uint8Array<ArrayBuffer>, content: Traffic) => boolean;
  readonly inFlightMax: () => number;
  readonly frameBytesMax: () => number;
  readonly timing: ClientTiming;
  readonly stats: ClientStats;
}

interface Pending {
  order: CommandOrder;
  id: string;
  readonly settle: (outcome: ReadOutcome) => void;
  phase: "queued" | "sent" | "pausing";
  attempts: number;
  /** How often it got a new request id. */
  renewals: number;
  /** A send of it may have been executed, and no answer has said otherwise. */
  mayHaveRun: boolean;
  lastError: Failed | undefined;
  readonly endsMs: number;
  readonly deadline: ReturnType<typeof setTimeout>;
  retry: ReturnType<typeof setTimeout> | undefined;
}

/** New ids for one command: one is enough unless the server's time is set again meanwhile. */
const renewalsMax = 3;
/** How soon a full socket buffer is looked at again. */
const drainMs = 20;

export class CommandQueue {
  readonly #options: CommandQueueOptions;
  readonly #lanes = new Map<string, Pending[]>();
  /** Sent at least once, in the order of their first sends. */
  readonly #byId = new Map<string, Pending>();
  /** Lanes whose first could be sent but for a limit. */
  readonly #blocked = new Set<string>();
  #count = 0;
  #inFlight = 0;
  #isOnline = false;
  #drain: ReturnType<typeof setTimeout> | undefined;

  constructor(options: CommandQueueOptions) {
    this.#options = options;
  }

  get pendingCount(): number {
    return this.#count;
  }

  /** Rejects only with the reason of `signal`. */
  submit(order: CommandOrder): Promise<ReadOutcome> {
    const { signal } = order;
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (this.#count >= pendingMax) {
      return Promise.resolve(
        failed("RESOURCE_EXHAUSTED", "client-full", `${pendingMax} commands wait in this client`),
      );
    }
    const bytesMax = this.#options.frameBytesMax();
    if (order.bytes.length > bytesMax) {
      return Promise.resolve(
        failed("INVALID_ARGUMENT", "frame-too-big", `${order.bytes.length} bytes of ${bytesMax}`),
      );
    }
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        this.#remove(pending);
        reject(signal?.reason as Error);
      };
      const pending: Pending = {
        order,
        id: hexDigits(order.requestId),
        settle: (outcome) => {
          signal?.removeEventListener("abort", aborted);
          resolve(outcome);
        },
        phase: "queued",
        attempts: 0,
        renewals: 0,
        mayHaveRun: false,
        lastError: undefined,
        endsMs: performance.now() + order.timeoutMs,
        deadline: setTimeout(() => this.#giveUp(pending), order.timeoutMs),
        retry: undefined,
      };
      signal?.addEventListener("abort", aborted, { once: true });
      const lane = this.#lanes.get(order.lane);
      if (lane === undefined) this.#lanes.set(order.lane, [pending]);
      else lane.push(pending);
      this.#count++;
      this.#start(pending);
    });
  }

  /** A connection with a session: what was on its way goes first, with the same ids. */
  online(): void {
    this.#isOnline = true;
    this.#startAll();
  }

  /** What was on its way may or may not have arrived. */
  offline(): void {
    this.#isOnline = false;
    for (const pending of this.#byId.values()) {
      if (pending.phase !== "sent") continue;
      this.#landed(pending);
      pending.phase = "queued";
      pending.mayHaveRun = true;
      // A VOLATILE command is worth nothing later.
      if (isVolatile(pending)) this.#giveUp(pending);
    }
  }

  answered(answer: Answer): void {
    const pending = this.#byId.get(hexDigits(answer.requestId));
    if (pending === undefined) return;
    let outcome: ReadOutcome;
    try {
      outcome = outcomeOf(answer, pending.order.contract);
    } catch (error) {
      this.#options.stats.malformed++;
      outcome = failed("INTERNAL", "unreadable-answer", String(error));
    }
    if (isAhead(outcome) && pending.phase === "sent" && mayRenew(pending)) {
      void this.#renew(pending);
    } else if (isAhead(outcome) && pending.mayHaveRun) {
      // The server's time was set back: an earlier send under this id may have been taken.
      this.#finish(pending, lastWord(pending, "its request id is ahead of the server's time"));
    } else if (outcome.outcome === "error" && isRetryable(outcome) && !isVolatile(pending)) {
      if (pending.phase === "sent") this.#retryLater(pending, outcome);
    } else {
      this.#finish(pending, outcome);
    }
  }

  close(why: string): void {
    this.#isOnline = false;
    clearTimeout(this.#drain);
    for (const lane of this.#lanes.values()) {
      for (const pending of lane) this.#finish(pending, lastWord(pending, why));
    }
  }

  #startAll(): void {
    // The order of first sends is that of #byId; what was never sent comes behind it, lane by lane.
    for (const pending of this.#byId.values()) this.#start(pending);
    for (const lane of this.#lanes.keys()) this.#startHead(lane);
  }

  /** Those that could start but for a limit that has just been left. */
  #startBlocked(): void {
    // A copy: one that is blocked again is put back.
    for (const lane of Array.from(this.#blocked)) {
      if (this.#inFlight >= this.#options.inFlightMax()) return;
      this.#blocked.delete(lane);
      this.#startHead(lane);
    }
  }

  #startHead(lane: string): void {
    const head = this.#lanes.get(lane)?.[0];
    if (head !== undefined) this.#start(head);
  }

  #start(pending: Pending): void {
    const { lane, bytes, content } = pending.order;
    if (!this.#isOnline || pending.phase !== "queued") return;
    if (this.#lanes.get(lane)?.[0] !== pending) return;
    const same = this.#byId.get(pending.id);
    const isRepeat = same !== undefined && same !== pending;
    if (isRepeat || this.#inFlight >= this.#options.inFlightMax()) {
      this.#blocked.add(lane);
      return;
    }
    if (!this.#options.send(bytes, content)) {
      this.#blocked.add(lane);
      clearTimeout(this.#drain);
      this.#drain = setTimeout(() => this.#startBlocked(), drainMs);
      return;
    }
    if (pending.attempts++ > 0) this.#options.stats.repetitions++;
    pending.phase = "sent";
    this.#inFlight++;
    this.#byId.set(pending.id, pending);
  }

  #landed(pending: Pending): void {
    if (pending.phase === "sent") this.#inFlight--;
  }

  #retryLater(pending: Pending, error: Failed): void {
    this.#landed(pending);
    pending.lastError = error;
    if (error.errorCode === "UNKNOWN_OUTCOME") pending.mayHaveRun = true;
    const { timing } = this.#options;
    const pauseMs = Math.max(
      backoffMs(pending.attempts - 1, timing.retry),
      error.retryAfterMs * (1 + Math.random() / 5),
    );
    pending.phase = "pausing";
    if (pending.attempts >= timing.attemptsMax || performance.now() + pauseMs >= pending.endsMs) {
      this.#giveUp(pending);
      return;
    }
    pending.retry = setTimeout(() => {
      pending.phase = "queued";
      this.#start(pending);
    }, pauseMs);
    this.#startBlocked();
  }

  /** No send of it was taken, for certain: it goes again under another id. */
  async #renew(pending: Pending): Promise<void> {
    const { order } = pending;
    this.#landed(pending);
    pending.phase = "pausing";
    pending.renewals++;
    this.#startBlocked();
    const renewed = await order.renew?.();
    // Given up, aborted or closed meanwhile.
    if (renewed === undefined || this.#byId.get(pending.id) !== pending) return;
    this.#byId.delete(pending.id);
    pending.order = { ...order, ...renewed };
    pending.id = hexDigits(renewed.requestId);
    pending.phase = "queued";
    this.#start(pending);
  }

  #giveUp(pending: Pending): void {
    if (pending.phase === "sent") pending.mayHaveRun = true;
    this.#finish(pending, lastWord(pending, "it was not answered in time"));
  }

  #finish(pending: Pending, outcome: ReadOutcome): void {
    this.#remove(pending);
    pending.settle(outcome);
  }

  #remove(pending: Pending): void {
    const { lane } = pending.order;
    const waiting = this.#lanes.get(lane)?.filter((other) => other !== pending) ?? [];
    if (waiting.length === 0) {
      this.#lanes.delete(lane);
      this.#blocked.delete(lane);
    } else this.#lanes.set(lane, waiting);
    if (this.#byId.get(pending.id) === pending) this.#byId.delete(pending.id);
    this.#landed(pending);
    clearTimeout(pending.deadline);
    clearTimeout(pending.retry);
    this.#count--;
    this.#startHead(lane);
    this.#startBlocked();
  }
}

/** The server's time was set back, or this device's was carried on wrongly. */
function isAhead(outcome: ReadOutcome): boolean {
  return outcome.outcome === "error" && outcome.reason === "request-id-in-future";
}

/** Without a doubt about earlier sends, and not for ever. */
function mayRenew(pending: Pending): boolean {
  const { order, mayHaveRun, renewals } = pending;
  return order.renew !== undefined && !mayHaveRun && renewals < renewalsMax && !isVolatile(pending);
}

function isVolatile({ order }: Pending): boolean {
  return order.contract.durability === Durability.VOLATILE;
}

/** What is true of a command that is given up: a later "not executed" says nothing of an earlier send. */
function lastWord({ mayHaveRun, lastError }: Pending, why: string): Failed {
  if (mayHaveRun) {
    return failed(
      "UNKNOWN_OUTCOME",
      "given-up",
      `${why}; it may or may not have been executed: send it again with the same request id`,
    );
  }
  return lastError ?? failed("UNAVAILABLE", "not-sent", `${why}; it was not executed`);
}
