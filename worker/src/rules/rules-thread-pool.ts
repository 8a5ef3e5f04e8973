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
}

/** A thread with its shared memory; it may still be loading. */
export interface PreparedThread {
  readonly worker: Worker;
  /** See `progressCell`. */
  readonly progress: Int32Array<SharedArrayBuffer>;
  readonly ready: boolean;
  /** Called once when it is ready; at once if it is. */
  onReady(run: () => void): void;
}

/** Threads kept ready. Two: one for the slot's own host, one for the command that ended it. */
const standbyCount = 2;
/** A process that has just begun has better things to do than to load the game once more, and again. */
const firstFillMs = 2000;
/** A thread that does not come up in this time is given up. */
const startMsMax = 15_000;
const retryMs = { first: 100, max: 5000 };

export class RulesThreadPool {
  readonly #options: RulesThreadOptions;
  readonly #standby: PreparedThread[] = [];
  #retryMs = retryMs.first;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  readonly #startedMs = performance.now();

  constructor(options: RulesThreadOptions) {
    this.#options = options;
  }

  /** The thread that is furthest, and its successor in the making. */
  take(): PreparedThread {
    const thread = this.#standby.shift() ?? this.#prepare();
    // Not before the one that was taken has had its turn at the processor.
    const untilMs = this.#startedMs + firstFillMs;
    this.#timer ??= setTimeout(() => this.#fill(), Math.max(untilMs - performance.now(), 0));
    return thread;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#standby.splice(0).map(async (thread) => thread.worker.terminate()));
  }

  #fill(): void {
    this.#timer = undefined;
    if (this.#stopped) return;
    while (this.#standby.length < standbyCount) {
      const thread = this.#prepare();
      this.#standby.push(thread);
      thread.onReady(() => (this.#retryMs = retryMs.first));
      thread.worker.once("exit", () => {
        const at = this.#standby.indexOf(thread);
        if (at < 0) return;
        this.#standby.splice(at, 1);
        this.#timer ??= setTimeout(() => this.#fill(), this.#retryMs);
        this.#retryMs = Math.min(this.#retryMs * 2, retryMs.max);
      });
    }
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
    const waiting: (() => void)[] = [];
    const timer = setTimeout(() => void worker.terminate(), startMsMax);
    // An unheard `error` ends the process; who has taken the thread listens for more.
    worker.on("error", () => undefined);
    worker.once("exit", () => clearTimeout(timer));
    worker.once("message", (reply: RulesReply) => {
      if (reply.kind !== "ready") return;
      clearTimeout(timer);
      ready = true;
      for (const run of waiting) run();
    });
    return {
      worker,
      progress,
      get ready() {
        return ready;
      },
      onReady(run) {
        if (ready) run();
        else waiting.push(run);
      },
    };
  }
}
