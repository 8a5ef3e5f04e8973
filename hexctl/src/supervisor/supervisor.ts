/**
 * Keeps the processes of the cluster profile running.
 *
 *   starting ──▶ running ──dies──▶ waiting (restartDelayMs) ──▶ running …
 *                  │                  │
 *                  └────── stop ──────┴──▶ stopped (final)
 *
 * A start that fails (the binary is missing) counts as a death, except the first one, which
 * the caller gets.
 */
import {
  printedBy,
  sentenceOf,
  startServerProcess,
  type ProcessLedger,
  type ServerProcess,
} from "@hexhold/local-stack";
import { createUnwind } from "@hexhold/config";
import { restartDelayMs, STABLE_AFTER_MS } from "./restart-delay.ts";

const RESTART_LOOK_MS = 20;
/** Drain of a worker included; SIGKILL after it. */
const STOP_BOUND_DEFAULT_MS = 15_000;

/** Bound of an orderly stop, and of the kill behind it. */
const processStopMsMax = 40_000;

export interface SupervisedOptions {
  /** Unique among the processes, e.g. `worker-1`. */
  readonly name: string;
  /** `gateway`, `router`, `worker`, …: for the status file. */
  readonly kind: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment; `HEXHOLD_PARENT_PID` is added, for `exitWhenParentGone`. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logFile: string;
  /** Between SIGTERM and SIGKILL. Default 15 s. */
  readonly stopBoundMs?: number;
}

export interface SupervisedProcess {
  readonly name: string;
  readonly kind: string;
  /** Of the process that runs now; `undefined` between a death and the next start. */
  readonly pid: number | undefined;
  /** Times it was started again. */
  readonly restarts: number;
  /** SIGTERM, SIGKILL after the bound; not started again. */
  readonly stop: () => Promise<void>;
  /** SIGTERM, SIGKILL after the bound, and started again; resolves when the new process runs. */
  readonly restart: () => Promise<void>;
  /** SIGKILL as an accident would: it is started again. */
  readonly kill: () => Promise<void>;
  readonly freeze: () => void;
  readonly thaw: () => void;
}

export type SupervisorEvent =
  | { readonly type: "started"; readonly name: string; readonly pid: number }
  | {
      readonly type: "died";
      readonly name: string;
      /** `exit code 1`. */
      readonly how: string;
      /** A sentence, with what it printed last. */
      readonly reason: string;
      readonly delayMs: number;
    }
  | { readonly type: "restarted"; readonly name: string; readonly pid: number }
  | { readonly type: "restart-failed"; readonly name: string; readonly error: unknown }
  | { readonly type: "stopped"; readonly name: string };

export interface Supervisor {
  /** Starts a process and keeps it running. Fails when the first start does. */
  readonly startProcess: (options: SupervisedOptions) => Promise<SupervisedProcess>;
  /** In the order of their starts; stopped ones are not listed. */
  readonly processes: () => readonly SupervisedProcess[];
  /** Stops all, one after another, the last started first (who depends on others starts after them). */
  readonly stop: () => Promise<void>;
}

/** Processes are recorded in the ledger: a start after a `kill -9` of this process ends them. */
export function createSupervisor(
  ledger: ProcessLedger,
  onEvent: (event: SupervisorEvent) => void = () => undefined,
): Supervisor {
  const processes: SupervisedProcess[] = [];
  return {
    async startProcess(options) {
      if (processes.some(({ name }) => name === options.name)) {
        throw new Error(`A process ${options.name} is already supervised.`);
      }
      const supervised = await supervise(options, ledger, (event) => {
        if (event.type === "stopped") {
          processes.splice(processes.indexOf(supervised), 1);
        }
        onEvent(event);
      });
      processes.push(supervised);
      return supervised;
    },
    processes: () => [...processes],
    async stop() {
      const unwind = createUnwind();
      for (const each of processes) unwind.add(each.name, each.stop, processStopMsMax);
      await unwind.run();
    },
  };
}

async function supervise(
  options: SupervisedOptions,
  ledger: ProcessLedger,
  onEvent: (event: SupervisorEvent) => void,
): Promise<SupervisedProcess> {
  const { name, kind } = options;
  let restarts = 0;
  let deathsInARow = 0;
  let startedAtMs = 0;
  let stopping = false;
  let askedToRestart = false;
  let waiting: NodeJS.Timeout | undefined;
  let starting: Promise<void> = Promise.resolve();

  const launch = async (): Promise<ServerProcess> => {
    startedAtMs = performance.now();
    return await startServerProcess({
      ...options,
      env: { ...options.env, HEXHOLD_PARENT_PID: String(process.pid) },
      ledger,
      stopSignal: "SIGTERM",
    });
  };
  const died = (how: string): void => {
    if (stopping) {
      return;
    }
    const livedMs = performance.now() - startedAtMs;
    deathsInARow = askedToRestart ? 0 : livedMs >= STABLE_AFTER_MS ? 1 : deathsInARow + 1;
    const delayMs = restartDelayMs(deathsInARow);
    if (!askedToRestart) {
      const reason = sentenceOf(`${name} ended by itself (${how})`, printedBy(current));
      onEvent({ type: "died", name, how, reason, delayMs });
    }
    askedToRestart = false;
    waiting = setTimeout(() => {
      waiting = undefined;
      starting = restart();
    }, delayMs);
  };
  const restart = async (): Promise<void> => {
    try {
      current = await launch();
    } catch (error) {
      onEvent({ type: "restart-failed", name, error });
      died("did not start");
      return;
    }
    restarts += 1;
    onEvent({ type: "restarted", name, pid: current.pid });
    watch(current);
  };
  const watch = (started: ServerProcess): void => {
    void started.exited.then(died);
  };

  let current = await launch();
  onEvent({ type: "started", name, pid: current.pid });
  watch(current);
  return {
    name,
    kind,
    get pid() {
      return current.isRunning() ? current.pid : undefined;
    },
    get restarts() {
      return restarts;
    },
    async stop() {
      if (stopping) {
        await current.exited;
        return;
      }
      stopping = true;
      clearTimeout(waiting);
      // A restart that is under way would bring up a process that nobody stops.
      await starting;
      await current.stop(options.stopBoundMs ?? STOP_BOUND_DEFAULT_MS);
      onEvent({ type: "stopped", name });
    },
    async restart() {
      const before = current;
      askedToRestart = before.isRunning();
      await before.stop(options.stopBoundMs ?? STOP_BOUND_DEFAULT_MS);
      while (!stopping && (current === before || !current.isRunning())) {
        await new Promise((resolve) => setTimeout(resolve, RESTART_LOOK_MS));
      }
    },
    kill: () => current.kill(),
    freeze: () => current.freeze(),
    thaw: () => current.thaw(),
  };
}
