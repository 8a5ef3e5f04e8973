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
import { closeSync, openSync, readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { isExecutable } from "../find-binary.ts";
import {
  descendantsOf,
  identityOf,
  isRunning,
  killTree,
  sendSignal,
  type ProcessIdentity,
} from "./process-identity.ts";
import type { ProcessLedger } from "./process-ledger.ts";

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
  /** Another system user to run as; needs root. */
  readonly user?: SystemUser | undefined;
}

export interface ServerProcess extends ProcessIdentity {
  readonly name: string;
  readonly logFile: string;
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
  const child = spawnChild(options);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) =>
      reject(new Error(`${options.name}: cannot run ${options.command}`, { cause: error })),
    );
  });
  const pid = child.pid;
  const identity = pid === undefined ? undefined : identityOf(pid);
  const exited = new Promise<string>((resolve) => {
    const settle = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (identity !== undefined) {
        options.ledger.forget(identity);
      }
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`);
    };
    if (child.exitCode !== null || child.signalCode !== null) {
      settle(child.exitCode, child.signalCode);
    } else {
      child.once("exit", settle);
    }
  });
  if (identity === undefined) {
    throw new Error(`${options.name} ended at once (${await exited}).\n${tailOf(options.logFile)}`);
  }
  options.ledger.record({ name: options.name, ...identity });
  return serverProcessOf(options, identity, exited);
}

function serverProcessOf(
  options: ServerProcessOptions,
  identity: ProcessIdentity,
  exited: Promise<string>,
): ServerProcess {
  const { pid } = identity;
  const running = (): boolean => isRunning(identity);
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
    if (running()) {
      killTree(pid);
    }
    await exited;
  };
  return {
    ...identity,
    name: options.name,
    logFile: options.logFile,
    exited,
    isRunning: running,
    freeze: () => signalAll("SIGSTOP"),
    thaw: () => signalAll("SIGCONT"),
    kill,
    async stop(boundMs) {
      signalAll("SIGCONT");
      if (running()) {
        sendSignal(pid, options.stopSignal);
      }
      if ((await Promise.race([exited, delay(boundMs)])) === undefined) {
        await kill();
      }
    },
  };
}

/** The last lines of a log, for the message of an error. */
export function tailOf(logFile: string, lines = 15): string {
  try {
    const text = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
    return `Last lines of ${logFile}:\n${text}`;
  } catch {
    return `There is no ${logFile}.`;
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
      throw new Error(
        `${server.name} ended while it was starting (${await server.exited}).\n` +
          tailOf(server.logFile),
        { cause: lastError },
      );
    }
    try {
      return await probe();
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      throw new Error(
        `${server.name} does not answer after ${timeoutMs} ms.\n${tailOf(server.logFile)}`,
        { cause: lastError },
      );
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
      stdio: ["ignore", log, log],
      detached: true,
      ...wrapped.user,
    });
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

function delay(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), ms).unref();
  });
}
