/**
 * Rules in a worker thread. A rule that loops, throws, exhausts memory or ends its process costs the thread,
 * not the worker: the main thread watches a beat in shared memory, ends a thread that stays too long at one
 * command or at one event that it replays, and starts another. How long a journal is has no limit here.
 *
 * Modes of the host: `starting` (requests wait), `running`, `stopped`. A thread that ends in any other way
 * than by `stop` is replaced: at once if it had come up, else after a pause that grows, and if none comes up at
 * first, `loaded` rejects. Its requests fail with the command that it was at.
 */
import type { Worker } from "node:worker_threads";
import {
  type CapturedHex,
  type DecideMoment,
  type HostDecision,
  type RecoveryFault,
  type RulesHost,
  RulesHostGoneError,
} from "../rules-host.ts";
import {
  progressCell,
  type RulesReply,
  type RulesRequest,
  type RulesWork,
} from "../rules-thread.ts";
import { packHexes } from "../pack-hexes.ts";
import { packCommands, unpackDecision } from "../rules-wire.ts";
import type { RulesThreadPool } from "../rules-thread-pool.ts";

export interface ThreadRulesOptions {
  /** Where threads come from; it belongs to the giver. */
  readonly pool: RulesThreadPool;
  /** Time that one command, or the replay of one event, may take. Default 250 ms, of which a tick of this thread's own loop counts 20 ms at most. */
  readonly decideMsMax?: number;
  /** Told of each thread that ended unasked. */
  readonly onLost?: (kind: "died" | "stalled", error: string) => void;
}

/** Threads that may end before the first has come up: the game cannot be loaded, and its worker does not start. */
const firstStartsMax = 3;
/** Between a thread that did not come up and the next. */
const startRetryMs = { first: 100, max: 5000 };
/** A late tick counts as two at most: a stall of the whole process charges nobody. */
const tickMs = 10;
const tickCountsMsMax = 2 * tickMs;

interface Waiting {
  readonly request: RulesWork;
  readonly resolve: (reply: RulesReply) => void;
  readonly fail: (kind: "died" | "stalled" | "restarted", index: number, error: string) => void;
}

export function createThreadRulesHost(options: ThreadRulesOptions): RulesHost {
  return new ThreadRulesHost(options);
}

class ThreadRulesHost implements RulesHost {
  readonly #options: ThreadRulesOptions;
  readonly #decideMsMax: number;
  /** One a slot, and a few more. */
  #waiting: Waiting[] = [];
  readonly #loaded = Promise.withResolvers<void>();
  readonly loaded = this.#loaded.promise;
  generation = 0;
  #thread: Worker | undefined;
  #progress = new Int32Array(new SharedArrayBuffer(12));
  #ready = false;
  #queued: RulesRequest[] = [];
  /** To be told with the next request. */
  #settled: string[] = [];
  #ticker: NodeJS.Timeout | undefined;
  #lastBeat = -1;
  #msAtBeat = 0;
  #tickedMs = 0;
  #nextId = 1;
  #stopped = false;
  /** Threads in a row that ended before they came up. */
  #failedStarts = 0;
  #restart: NodeJS.Timeout | undefined;

  constructor(options: ThreadRulesOptions) {
    this.#options = options;
    this.#decideMsMax = options.decideMsMax ?? 250;
    // Not everybody waits for it.
    this.loaded.catch(() => undefined);
    this.#start();
  }

  async load(
    slot: string,
    hexes: Parameters<RulesHost["load"]>[1],
  ): Promise<readonly RecoveryFault[]> {
    const reply = await this.#ask((id) => ({ id, kind: "load", slot, ...packHexes(hexes) }));
    return reply.kind === "loaded" ? reply.faults : [];
  }

  decide(
    slot: string,
    moment: DecideMoment,
    commands: Parameters<RulesHost["decide"]>[2],
    limitMs?: number,
  ): Promise<HostDecision> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#send({
        request: { id, kind: "decide", slot, moment, commands: packCommands(commands), limitMs },
        resolve: (reply) => {
          if (reply.kind === "decided") resolve(unpackDecision(reply.decision));
        },
        fail: (kind, index, error) => resolve({ outcomes: [], fault: { kind, index, error } }),
      });
    });
  }

  settle(slot: string): void {
    this.#settled.push(slot);
  }

  rollback(slot: string): void {
    this.#post({ id: 0, kind: "rollback", slot });
  }

  forget(slot: string, keyTexts: readonly string[] | undefined, keepVolatile: boolean): void {
    this.#post({ id: 0, kind: "forget", slot, keyTexts, keepVolatile });
  }

  async capture(slot: string, keyTexts: readonly string[]): Promise<readonly CapturedHex[]> {
    const reply = await this.#ask((id) => ({ id, kind: "capture", slot, keyTexts }));
    return reply.kind === "captured" ? reply.hexes : [];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#restart);
    this.#loaded.reject(new Error("the rules were stopped before they were loaded"));
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
    this.#failAll("restarted", "was stopped");
  }

  #ask(make: (id: number) => RulesWork): Promise<RulesReply> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#send({
        request: make(id),
        resolve,
        fail: (kind, index, error) => {
          const at = kind === "restarted" ? undefined : index;
          reject(new RulesHostGoneError(`while it was asked: ${error}`, at));
        },
      });
    });
  }

  #send(waiting: Waiting): void {
    if (this.#stopped) {
      waiting.fail("restarted", 0, "the host was stopped");
      return;
    }
    this.#waiting.push(waiting);
    this.#post(waiting.request);
  }

  #post(work: RulesWork): void {
    const request: RulesRequest = { ...work, settled: this.#settled };
    this.#settled = [];
    const thread = this.#thread;
    if (this.#ready && thread !== undefined) post(thread, request);
    else this.#queued.push(request);
  }

  #start(): void {
    this.generation++;
    this.#ready = false;
    this.#settled = [];
    const prepared = this.#options.pool.take();
    const thread = prepared.worker;
    this.#progress = prepared.progress;
    this.#thread = thread;
    prepared.onReady(() => {
      if (thread !== this.#thread) return;
      this.#ready = true;
      this.#failedStarts = 0;
      this.#loaded.resolve();
      const queued = this.#queued;
      this.#queued = [];
      for (const request of queued) post(thread, request);
    });
    thread.on("message", (reply: RulesReply) => {
      if (thread !== this.#thread || reply.kind === "ready") return;
      this.#take(reply.id)?.resolve(reply);
    });
    thread.on("error", (error) => this.#lost(thread, "died", describe(error)));
    thread.on("exit", (code) => {
      const { givenUp } = prepared;
      const error = givenUp ?? `the rules ended their thread with code ${code}`;
      this.#lost(thread, "died", error, givenUp !== undefined);
    });
    clearInterval(this.#ticker);
    this.#tickedMs = performance.now();
    this.#msAtBeat = 0;
    this.#ticker = setInterval(() => this.#tick(thread), tickMs);
    this.#ticker.unref();
  }

  #tick(thread: Worker): void {
    const nowMs = performance.now();
    const countsMs = Math.min(nowMs - this.#tickedMs, tickCountsMsMax);
    this.#tickedMs = nowMs;
    const beat = Atomics.load(this.#progress, progressCell.beat);
    if (beat !== this.#lastBeat || Atomics.load(this.#progress, progressCell.request) === 0) {
      this.#lastBeat = beat;
      this.#msAtBeat = 0;
      return;
    }
    this.#msAtBeat += countsMs;
    if (this.#msAtBeat < this.#decideMsMax) return;
    this.#lost(thread, "stalled", `one command or event took longer than ${this.#decideMsMax} ms`);
    void thread.terminate();
  }

  #lost(thread: Worker, kind: "died" | "stalled", error: string, isSlow = false): void {
    if (thread !== this.#thread || this.#stopped) return;
    const request = Atomics.load(this.#progress, progressCell.request);
    const index = Atomics.load(this.#progress, progressCell.index);
    // A thread that never came up has no request in hand: everybody asks again.
    const culprit = this.#take(request);
    this.#queued = [];
    this.#options.onLost?.(kind, error);
    if (this.#ready) this.#start();
    else this.#startLater(error, isSlow);
    culprit?.fail(kind, index, error);
    this.#failAll("restarted", "ended at another command");
  }

  /** A game that cannot be loaded now is not tried in a circle. */
  #startLater(error: string, isSlow: boolean): void {
    this.#failedStarts++;
    // One that is only slow has more time the next time.
    if (!isSlow && this.#failedStarts >= firstStartsMax) {
      this.#loaded.reject(new Error(`the game's rules cannot be loaded: ${error}`));
    }
    this.#thread = undefined;
    clearInterval(this.#ticker);
    const delayMs = startRetryMs.first * 2 ** (this.#failedStarts - 1);
    this.#restart = setTimeout(() => this.#start(), Math.min(delayMs, startRetryMs.max));
    this.#restart.unref();
  }

  #take(id: number): Waiting | undefined {
    const at = this.#waiting.findIndex(({ request }) => request.id === id);
    return at === -1 ? undefined : this.#waiting.splice(at, 1)[0];
  }

  #failAll(kind: "restarted", error: string): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const item of waiting) item.fail(kind, 0, error);
  }
}

function post(thread: Worker, request: RulesRequest): void {
  thread.postMessage(request, memoryOf(request));
}

/** What goes over to the thread instead of being cloned. */
function memoryOf(request: RulesWork): ArrayBuffer[] {
  if (request.kind === "decide") return [request.commands.buffer];
  return request.kind === "load" ? [request.memory] : [];
}

function describe(error: unknown): string {
  return (error instanceof Error ? (error.stack ?? error.message) : String(error)).slice(0, 4000);
}
