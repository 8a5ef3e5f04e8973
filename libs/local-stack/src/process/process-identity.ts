/**
 * Who a process is: its pid and the moment it started. A pid alone names a stranger as soon
 * as the system hands it out again, so nothing here ever signals a process by pid only.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { codeOf, isAbsent, osReason } from "@hexhold/config";

export interface ProcessIdentity {
  readonly pid: number;
  /**
   * Opaque; equal for the same process, different for any other that gets its pid.
   * On Linux the boot id and field 22 of `/proc/<pid>/stat` (clock ticks since boot),
   * elsewhere what `ps -o lstart` prints.
   */
  readonly startedAt: string;
}

/** Whether a process runs cannot be found out (no descriptor is left, `/proc` is closed to us): nothing follows from that. */
export class ProcessUnknown extends Error {
  readonly code: string | undefined;
  constructor(what: string, cause: unknown) {
    super(`${what} cannot be read: ${osReason(cause)}.`, { cause });
    this.name = "ProcessUnknown";
    this.code = codeOf(cause);
  }
}

interface ProcessStat {
  readonly state: string;
  readonly parentPid: number;
  readonly startTicks: string;
}

/**
 * The identity of a running process, or `undefined` when there is none (a zombie counts as none). Throws
 * `ProcessUnknown` when that cannot be found out.
 */
export function identityOf(pid: number): ProcessIdentity | undefined {
  if (process.platform !== "linux") {
    return identityFromPs(pid);
  }
  requireOwnProc();
  const stat = readStat(pid);
  if (stat === undefined || stat.state === "Z" || stat.state === "X") {
    return undefined;
  }
  return { pid, startedAt: `${bootId()}:${stat.startTicks}` };
}

/** Whether this very process still runs. A stopped (SIGSTOP) one does, a zombie does not. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startedAt === identity.startedAt;
}

/** Pids of all children of a process, their children, and so on; parents before children. */
export function descendantsOf(pid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const [child, parent] of allParents()) {
    const siblings = childrenOf.get(parent);
    if (siblings === undefined) {
      childrenOf.set(parent, [child]);
    } else {
      siblings.push(child);
    }
  }
  const found: number[] = [];
  const waiting = [pid];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const children = childrenOf.get(next) ?? [];
    found.push(...children);
    waiting.push(...children);
  }
  return found;
}

/** The pid of a process's parent; `undefined` when the process is gone. */
export function parentOf(pid: number): number | undefined {
  return process.platform === "linux"
    ? readStat(pid)?.parentPid
    : allParents().find(([child]) => child === pid)?.[1];
}

/** Every pid of the machine with that of its parent. */
function allParents(): [pid: number, parentPid: number][] {
  if (process.platform !== "linux") {
    return execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
      .split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number))
      .flatMap(([pid, parent]) =>
        pid === undefined || parent === undefined ? [] : [[pid, parent] as [number, number]],
      );
  }
  return allPids().flatMap((pid) => {
    const stat = readStat(pid);
    return stat === undefined ? [] : [[pid, stat.parentPid] as [number, number]];
  });
}

/** All pids in `/proc`; none on systems that have no `/proc`. */
export function allPids(): number[] {
  if (process.platform !== "linux") return [];
  requireOwnProc();
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch (error) {
    throw new ProcessUnknown("/proc", error);
  }
}

/**
 * Sends a signal; `false` when the process is gone. Signal 0 only asks. Any other failure
 * (a process of another user) is an error: it would mean that we signal what is not ours.
 */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") {
      return false;
    }
    throw error;
  }
}

/**
 * SIGKILLs a process and all its descendants. It is stopped first, so that it cannot fork
 * between the look at its children and the kill. When its children cannot be read it is killed
 * all the same, and the error thrown afterwards.
 */
export function killTree(pid: number): void {
  if (!sendSignal(pid, "SIGSTOP")) {
    return;
  }
  try {
    for (const each of descendantsOf(pid)) sendSignal(each, "SIGKILL");
  } finally {
    sendSignal(pid, "SIGKILL");
  }
}

/** Waits until a process is gone; `false` when it still runs after `timeoutMs`. */
export async function waitUntilGone(
  identity: ProcessIdentity,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isRunning(identity)) {
    if (performance.now() > deadline) {
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    // ESRCH: it ended between the opening and the reading.
    if (isAbsent(error) || codeOf(error) === "ESRCH") return undefined;
    throw new ProcessUnknown(`The state of process ${pid}`, error);
  }
  // "pid (command) state ppid …": the command may hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parentPid] = fields;
  const startTicks = fields[19];
  if (state === undefined || parentPid === undefined || startTicks === undefined) {
    return undefined;
  }
  return { state, parentPid: Number(parentPid), startTicks };
}

let procIsOurs = false;

/** In a pid namespace whose `/proc` was mounted for another one, every pid there is a stranger's. */
function requireOwnProc(): void {
  if (procIsOurs) return;
  let self: string;
  try {
    self = readlinkSync("/proc/self");
  } catch (error) {
    throw new ProcessUnknown("/proc/self", error);
  }
  if (self !== String(process.pid)) {
    const why = "it is mounted for another pid namespace (unshare --mount-proc gives it its own)";
    throw new ProcessUnknown("/proc", new Error(why));
  }
  procIsOurs = true;
}

let cachedBootId: string | undefined;

function bootId(): string {
  cachedBootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim().slice(0, 8);
  return cachedBootId;
}

function identityFromPs(pid: number): ProcessIdentity | undefined {
  try {
    const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
    }).trim();
    const [, state, startedAt] = /^(\S+)\s+(.+)$/.exec(line) ?? [];
    return startedAt === undefined || state?.startsWith("Z") === true
      ? undefined
      : { pid, startedAt };
  } catch (error) {
    // `ps` ends with 1 when there is no such process; anything else says nothing.
    if ((error as { status?: unknown }).status === 1) return undefined;
    throw new ProcessUnknown(`The state of process ${pid}`, error);
  }
}
