/**
 * Starting a server as a child that cannot outlive its host.
 *
 * Four things see to that, because each alone has a gap:
 * - the kernel signals the child when the thread that started it dies (`setpriv --pdeathsig`,
 *   Linux with util-linux ≥ 2.33): also after `kill -9` of the host;
 * - the ledger: what was frozen or slow then is ended by the next start;
 * - a hook on `exit` of the host, for `process.exit` and systems without `setpriv`;
 * - an orderly stop, whenever the host gets to it.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { osReason } from "@hexhold/config";
import { isExecutable } from "../find-binary.ts";
import type { FileLock } from "../file-lock.ts";
import {
  descendantsOf,
  identityOf,
  killTree,
  sendSignal,
  type ProcessIdentity,
} from "./process-identity.ts";
import type { ProcessLedger } from "./process-ledger.ts";
import { sentenceOf } from "./telling-line.ts";

/** Of what it printed, for the message of an error. */
const tailBytesMax = 16_384;

export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

export interface ServerProcessOptions {
  /** For the ledger and for messages, e.g. `postgres`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited unless it is named here. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Gets both output streams, appended. */
  readonly logFile: string;
  readonly ledger: ProcessLedger;
  /** What ends this server in good order. */
  readonly stopSignal: NodeJS.Signals;
  /**
   * Lock of the data that it works on: it inherits the descriptor, as do its own children, so that the lock is held
   * until the last of them is gone, whoever is still there to see it.
   */
  readonly lock?: FileLock | undefined;
  /** Another system user to run as; needs root. */
  readonly user?: SystemUser | undefined;
}

export interface ServerProcess extends ProcessIdentity {
  readonly name: string;
  readonly logFile: string;
  /** Length of the log when it was started. */
  readonly logFrom: number;
  /** Settles with a description (`exit code 1`, `signal SIGKILL`) when the process has ended. */
  readonly exited: Promise<string>;
  readonly isRunning: () => boolean;
  /** SIGSTOP, the process first and then its children. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** SIGKILL, children included; settles when it is gone. */
  readonly kill: () => Promise<void>;
  /** Thaws it, sends the stop signal, and kills after `boundMs`. */
  readonly stop: (boundMs: number) => Promise<void>;
}

/**
 * Starts the process and records it. It leads a session of its own (`detached`), so that
 * Ctrl-C in a terminal reaches the host alone, which then stops its services in order.
 */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  // Behind setpriv a missing binary would show only as an exit code.
  if (isAbsolute(options.command) && !isExecutable(options.command)) {
    throw new Error(`${options.name}: ${options.command} is no executable file.`);
  }
  const logFrom = statSync(options.logFile, { throwIfNoEntry: false })?.size ?? 0;
  const child = spawnChild(options);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) =>
      reject(new Error(`${options.name}: cannot run ${options.command}`, { cause: error })),
    );
  });
  const ended = new Promise<string>((resolve) => {
    const settle = (code: number | null, signal: NodeJS.Signals | null): void => {
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`);
    };
    if (child.exitCode !== null || child.signalCode !== null) {
      settle(child.exitCode, child.signalCode);
    } else {
      child.once("exit", settle);
    }
  });
  // A signal that cannot be sent, later on, is said by who sends it.
  child.on("error", () => undefined);
  let identity: ProcessIdentity | undefined;
  try {
    identity = child.pid === undefined ? undefined : identityOf(child.pid);
  } catch (error) {
    // Who cannot be recognised later on is not left running.
    child.kill("SIGKILL");
    await ended;
    throw error;
  }
  if (identity === undefined) {
    const how = await ended;
    throw new Error(
      sentenceOf(`${options.name} ended at once (${how})`, printedBy({ ...options, logFrom })),
    );
  }
  const recorded = identity;
  options.ledger.record({ name: options.name, ...recorded });
  const exited = ended.then((how) => {
    options.ledger.forget(recorded);
    return how;
  });
  return serverProcessOf(options, recorded, exited, logFrom);
}

function serverProcessOf(
  options: ServerProcessOptions,
  identity: ProcessIdentity,
  exited: Promise<string>,
  logFrom: number,
): ServerProcess {
  const { pid } = identity;
  let hasEnded = false;
  void exited.then(() => (hasEnded = true));
  // Our own child: its pid is nobody else's until its end has been told to us.
  const running = (): boolean => !hasEnded;
  const signalAll = (signal: NodeJS.Signals): void => {
    if (!running()) {
      return;
    }
    sendSignal(pid, signal);
    for (const child of descendantsOf(pid)) {
      sendSignal(child, signal);
    }
  };
  const kill = async (): Promise<void> => {
    try {
      if (running()) killTree(pid);
    } finally {
      await exited;
    }
  };
  return {
    ...identity,
    name: options.name,
    logFile: options.logFile,
    logFrom,
    exited,
    isRunning: running,
    freeze: () => signalAll("SIGSTOP"),
    thaw: () => signalAll("SIGCONT"),
    kill,
    async stop(boundMs) {
      try {
        signalAll("SIGCONT");
      } catch {
        // Frozen children or not, it is asked to stop, and killed after the bound.
      }
      if (running()) sendSignal(pid, options.stopSignal);
      if (!(await settlesWithin(exited, boundMs))) await kill();
    },
  };
}

/** What a process has printed since it was started, the end of it: never what an earlier one has. */
export function printedBy({ logFile, logFrom }: { logFile: string; logFrom: number }): string {
  let fd: number | undefined;
  try {
    fd = openSync(logFile, "r");
    const { size } = fstatSync(fd);
    // A log that was begun anew meanwhile is shorter.
    const from = Math.max(size < logFrom ? 0 : logFrom, size - tailBytesMax);
    const buffer = Buffer.alloc(size - from);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, buffer.length, from));
  } catch {
    // The message does without it.
    return "";
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * Asks `probe` until it answers, and returns its answer. Fails when the process ends first
 * or `timeoutMs` have passed; the message carries the end of its log.
 */
export async function waitUntilReady<T>(
  server: ServerProcess,
  timeoutMs: number,
  probe: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    if (!server.isRunning()) {
      const what = `${server.name} ended while it was starting (${await server.exited})`;
      throw new Error(sentenceOf(what, printedBy(server)), { cause: lastError });
    }
    try {
      return await probe();
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      const what = `${server.name} does not answer after ${timeoutMs} ms (${osReason(lastError)})`;
      throw new Error(sentenceOf(what, printedBy(server)), { cause: lastError });
    }
    await delay(60);
  }
}

function spawnChild(options: ServerProcessOptions): ChildProcess {
  const log = openSync(options.logFile, "a", 0o600);
  try {
    const wrapped = withParentDeathSignal(options);
    return spawn(wrapped.command, wrapped.args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ["ignore", log, log, ...(options.lock === undefined ? [] : [options.lock.fd])],
      detached: true,
      ...wrapped.user,
      // The caller hears that it cannot be run; any later error must not end the host.
    }).on("error", () => undefined);
  } finally {
    closeSync(log);
  }
}

/**
 * `setpriv` sets the signal and then *becomes* the server, so the pid stays. It changes the
 * user itself, because a change of user clears the signal. A process in a new session whose
 * parent dies before `prctl` would be missed: the ledger has it.
 */
function withParentDeathSignal(options: ServerProcessOptions): {
  command: string;
  args: string[];
  user: SystemUser | undefined;
} {
  const { command, args, user } = options;
  if (!canSetParentDeathSignal()) {
    return { command, args: [...args], user };
  }
  const asUser =
    user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"];
  const signal = options.stopSignal.replace(/^SIG/, "");
  return {
    command: "setpriv",
    args: [...asUser, "--pdeathsig", signal, "--", command, ...args],
    user: undefined,
  };
}

let parentDeathSignalWorks: boolean | undefined;

function canSetParentDeathSignal(): boolean {
  parentDeathSignalWorks ??=
    process.platform === "linux" &&
    spawnSync("setpriv", ["--pdeathsig", "TERM", "--", "true"], { stdio: "ignore" }).status === 0;
  return parentDeathSignalWorks;
}

/** Keeps the process: without it a start that waits for nothing else would end in the middle. */
function delay(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), ms);
  });
}

/** Whether it settles within that time; no timer is left behind. */
async function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), overdue]);
  } finally {
    clearTimeout(timer);
  }
}
