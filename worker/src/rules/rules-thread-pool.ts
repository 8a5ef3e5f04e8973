/**
 * Threads that have loaded the game and wait for work. Loading takes several hundred milliseconds on a busy
 * machine, which nobody should wait for when a rule has cost a thread its life.
 */
import { Worker } from "node:worker_threads";
import type { WorldShape } from "@hexhold/hex";
import type { RulesReply, RulesThreadData } from "./rules-thread.ts";

export interface RulesThreadOptions {
  /** URL of the module that exports `createGame`. */
  readonly gameModule: string;
  readonly gameOptions: unknown;
  readonly world: WorldShape;
  /** Heap of a thread. Default 512 MiB. */
  readonly heapMbMax?: number;
  /** From the start of a thread until it is ready, at first. Default 15 s. */
  readonly startMsMax?: number;
}

/** A thread with its shared memory; it may still be loading. */
export interface PreparedThread {
  readonly worker: Worker;
  /** See `progressCell`. */
  readonly progress: Int32Array<SharedArrayBuffer>;
  readonly ready: boolean;
  /** Why it was ended by its pool, if it was. */
  readonly givenUp: string | undefined;
  /** Called once when it is ready; at once if it is. */
  onReady(run: () => void): void;
}

/** Threads kept ready: for the worker's own host and the command that ended it, and for a second such command. */
const standbyCount = 4;
/** A second such command is unlikely in the first seconds, in which a process has better things to do. */
const earlyStandbyCount = 2;
const earlyMs = 10_000;
/** A process that has just begun has better things to do than to load the game once more, and again. */
const firstFillMs = 2000;
/** What took a thread, a bad command, has the processors first as long as there are others. */
const refillMs = 1000;
/**
 * A thread that does not come up in this time is given up; the next one has twice as long, until one has come up.
 * On a machine whose processors are all taken a thread that is only slow must not begin from nothing for ever.
 */
const startMsMax = { first: 15_000, max: 240_000 };
const retryMs = { first: 100, max: 5000 };

export class RulesThreadPool {
  readonly #options: RulesThreadOptions;
  readonly #standby: PreparedThread[] = [];
  /** What of the pool's is still loading, in it or already taken. */
  #loading: PreparedThread | undefined;
  #retryMs = retryMs.first;
  #startMsMax: number;
  #timer: NodeJS.Timeout | undefined;
  /** Ends the time in which fewer are kept. */
  #growing: NodeJS.Timeout | undefined;
  #stopped = false;
  #taken = 0;
  readonly #startedMs = performance.now();

  constructor(options: RulesThreadOptions) {
    this.#options = options;
    this.#startMsMax = options.startMsMax ?? startMsMax.first;
  }

  /** Takes a warm thread, or one that is loading when there is none; refills the pool in the background. */
  take(): PreparedThread {
    const thread = this.#standby.shift() ?? this.#prepare();
    this.#taken += 1;
    const untilMs = this.#startedMs + firstFillMs;
    this.#fillIn(Math.max(untilMs - performance.now(), this.#standby.length > 0 ? refillMs : 0));
    return thread;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#growing);
    await Promise.all(this.#standby.splice(0).map(async (thread) => thread.worker.terminate()));
  }

  /** One at a time: threads that load side by side take the processors from the commands that are being served. */
  #fill(): void {
    this.#timer = undefined;
    if (this.#stopped || this.#loading !== undefined || this.#standby.length >= standbyCount)
      return;
    // The first one is the worker's own; the next ones are for what a bad command has ended.
    const earlyLeftMs = this.#taken > 1 ? 0 : this.#startedMs + earlyMs - performance.now();
    if (earlyLeftMs > 0 && this.#standby.length >= earlyStandbyCount) {
      this.#growing ??= setTimeout(() => this.#fill(), earlyLeftMs);
      return;
    }
    const thread = this.#prepare();
    this.#standby.push(thread);
    this.#loading = thread;
    thread.onReady(() => {
      this.#loading = undefined;
      this.#retryMs = retryMs.first;
      this.#fill();
    });
    thread.worker.once("exit", () => {
      const at = this.#standby.indexOf(thread);
      const isLoading = this.#loading === thread;
      if (at < 0 && !isLoading) return;
      if (at >= 0) this.#standby.splice(at, 1);
      if (isLoading) this.#loading = undefined;
      this.#fillIn(this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, retryMs.max);
    });
  }

  #fillIn(delayMs: number): void {
    if (!this.#stopped) this.#timer ??= setTimeout(() => this.#fill(), delayMs);
  }

  #prepare(): PreparedThread {
    const progress = new Int32Array(new SharedArrayBuffer(12));
    const data: RulesThreadData = {
      gameModule: this.#options.gameModule,
      gameOptions: this.#options.gameOptions,
      world: this.#options.world,
      progress: progress.buffer,
    };
    const worker = new Worker(new URL("./rules-thread.ts", import.meta.url), {
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: this.#options.heapMbMax ?? 512 },
    });
    let ready = false;
    let givenUp: string | undefined;
    const waiting: (() => void)[] = [];
    const allowedMs = this.#startMsMax;
    const timer = setTimeout(() => {
      givenUp = `the rules were not loaded within ${allowedMs / 1000} s`;
      this.#startMsMax = Math.max(this.#startMsMax, Math.min(allowedMs * 2, startMsMax.max));
      void worker.terminate();
    }, allowedMs);
    // An unheard `error` ends the process; who has taken the thread listens for more.
    worker.on("error", () => undefined);
    worker.once("exit", () => clearTimeout(timer));
    worker.once("message", (reply: RulesReply) => {
      if (reply.kind !== "ready") return;
      clearTimeout(timer);
      ready = true;
      this.#startMsMax = this.#options.startMsMax ?? startMsMax.first;
      for (const run of waiting) run();
    });
    return {
      worker,
      progress,
      get ready() {
        return ready;
      },
      get givenUp() {
        return givenUp;
      },
      onReady(run) {
        if (ready) run();
        else waiting.push(run);
      },
    };
  }
}
