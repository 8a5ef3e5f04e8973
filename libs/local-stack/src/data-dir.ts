/**
 * A data directory (`.data` unless HEXHOLD_DATA_DIR moves it) and the right to use it: one host at a time, decided by
 * a lock that the kernel holds for as long as the host lives. What stands in the lock file, a pid and its start time,
 * is a hint for people: it may be of another pid namespace.
 */
import { mkdirSync, readlinkSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { codeOf, isThere, osReason } from "@hexhold/config";
import { z } from "zod";
import { isLocked, LockUnknown, noteOf, takeFileLock, type FileLock } from "./file-lock.ts";
import { keepLogs } from "./log-keeper.ts";
import { identityOf, isRunning, type ProcessIdentity } from "./process/process-identity.ts";
import {
  endLeftovers,
  openLedger,
  type LedgerEntry,
  type ProcessLedger,
} from "./process/process-ledger.ts";

export interface DataDir {
  /** Absolute. */
  readonly path: string;
  readonly logDir: string;
  readonly statusFile: string;
  readonly ledger: ProcessLedger;
  /** What a killed run had left and this one ended. */
  readonly endedLeftovers: readonly LedgerEntry[];
  /** Of files of ours that were damaged and could be done without. */
  readonly warnings: readonly string[];
  /** Gives the lock back. Stop everything before. Never throws: the directory may be gone. */
  readonly close: () => void;
}

/** The host that has a data directory. */
export interface LockOwner {
  /** As the owner knows itself; 0 when that cannot be read. */
  readonly pid: number;
  /** Who may be signalled; `undefined` when it cannot be seen from here (another container or pid namespace). */
  readonly identity: ProcessIdentity | undefined;
}

/** Thrown by `openDataDir` while another host uses the directory. */
export class DataDirInUse extends Error {
  readonly owner: LockOwner;
  constructor(path: string, owner: LockOwner) {
    const who = owner.pid === 0 ? "pid not known" : `pid ${owner.pid}`;
    super(
      owner.identity === undefined
        ? `Hexhold already runs in ${path} (${who}, not seen from here: another container or pid namespace). ` +
            `Stop it there, or give this one another HEXHOLD_DATA_DIR.`
        : `Hexhold already runs in ${path} (${who}). ` +
            `Stop it with "hexctl stop", or give this one another HEXHOLD_DATA_DIR.`,
    );
    this.name = "DataDirInUse";
    this.owner = owner;
  }
}

/** Thrown by `openDataDir` where nobody could work: read-only, of another user, on a full disk, without descriptors. */
export class DataDirUnusable extends Error {
  readonly code: string | undefined;
  constructor(path: string, cause: unknown) {
    super(
      `${path} cannot be used as data directory: ${osReason(cause)}${ownerHint(path, cause)}. ` +
        `HEXHOLD_DATA_DIR names another one.`,
      { cause },
    );
    this.name = "DataDirUnusable";
    this.code = codeOf(cause);
  }
}

const noteSchema = z.object({
  pid: z.int().positive(),
  startedAt: z.string(),
  /** Where that pid counts. */
  pidNamespace: z.string(),
});

/** The directory that commands use: HEXHOLD_DATA_DIR, else `.data` in the checkout. */
export function dataDirPath(
  checkout: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const configured = env["HEXHOLD_DATA_DIR"];
  return resolve(checkout, configured === undefined || configured === "" ? ".data" : configured);
}

export function statusFileOf(dataDir: string): string {
  return join(dataDir, "status.json");
}

export function ledgerFileOf(dataDir: string): string {
  return join(dataDir, "processes.json");
}

export function logDirOf(dataDir: string): string {
  return join(dataDir, "logs");
}

/** Takes the directory's lock, ends what an earlier run left, and opens its ledger. */
export async function openDataDir(path: string): Promise<DataDir> {
  const absolute = resolve(path);
  const logDir = logDirOf(absolute);
  const lock = await takeLock(absolute, logDir);
  try {
    const { ended, warnings } = await endLeftovers(ledgerFileOf(absolute));
    rmSync(statusFileOf(absolute), { force: true });
    const ledger = openLedger(ledgerFileOf(absolute));
    process.once("exit", ledger.endAllNow);
    const logs = keepLogs(logDir);
    return {
      path: absolute,
      logDir,
      statusFile: statusFileOf(absolute),
      ledger,
      endedLeftovers: ended,
      warnings,
      close() {
        logs.stop();
        process.removeListener("exit", ledger.endAllNow);
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw isOfFileSystem(error) ? new DataDirUnusable(absolute, error) : error;
  }
}

/** Who holds the directory now, or nobody. Throws `LockUnknown` when that cannot be found out. */
export function lockOwner(dataDir: string): LockOwner | undefined {
  const file = join(dataDir, "lock");
  return isLocked(file) ? ownerIn(file) : undefined;
}

/** With its parents. Node's own says ENOENT for whatever keeps it from making one of several. */
function makeFolder(path: string): void {
  if (isThere(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another start may have been quicker.
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

async function takeLock(dataDir: string, logDir: string): Promise<FileLock> {
  const file = join(dataDir, "lock");
  let lock: FileLock | undefined;
  try {
    makeFolder(logDir);
    lock = await takeFileLock(file);
  } catch (error) {
    throw new DataDirUnusable(dataDir, error instanceof LockUnknown ? error.cause : error);
  }
  if (lock === undefined) throw new DataDirInUse(dataDir, ownerIn(file));
  try {
    lock.note(JSON.stringify({ ...identityOf(process.pid), pidNamespace: pidNamespace() }));
    return lock;
  } catch (error) {
    lock.release();
    throw new DataDirUnusable(dataDir, error);
  }
}

function ownerIn(file: string): LockOwner {
  const note = noteSchema.safeParse(parseJson(noteOf(file))).data;
  if (note === undefined) return { pid: 0, identity: undefined };
  const { pid, startedAt } = note;
  const isVisible = note.pidNamespace === pidNamespace() && isSeenRunning({ pid, startedAt });
  return { pid, identity: isVisible ? { pid, startedAt } : undefined };
}

/** That it lives is known from the lock; this is only whether it may be signalled. */
function isSeenRunning(identity: ProcessIdentity): boolean {
  try {
    return isRunning(identity);
  } catch {
    return false;
  }
}

/** Constant on systems without namespaces. */
function pidNamespace(): string {
  return process.platform === "linux" ? readlinkSync("/proc/self/ns/pid") : "";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isOfFileSystem(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && "path" in error;
}

/** For EACCES: whose it is. */
function ownerHint(path: string, cause: unknown): string {
  if (codeOf(cause) !== "EACCES" && codeOf(cause) !== "EPERM") return "";
  try {
    const { uid } = statSync(path);
    const mine = process.getuid?.();
    return uid === mine ? "" : `; it belongs to uid ${uid}, and this is uid ${mine}`;
  } catch {
    // A folder above it is closed to us: there is no more to say.
    return "";
  }
}
