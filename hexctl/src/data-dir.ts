/**
 * A data directory (`.data` unless HEXHOLD_DATA_DIR moves it) and the right to use it.
 * One host at a time: the lock names its pid and start time, so that a lock left by a
 * `kill -9` is recognised as such, and one whose pid now belongs to a stranger as well.
 */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
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
  /** Gives the lock back. Stop everything before. */
  readonly close: () => void;
}

/** Thrown by `openDataDir` while another host uses the directory. */
export class DataDirInUse extends Error {
  readonly owner: ProcessIdentity;
  constructor(path: string, owner: ProcessIdentity) {
    super(
      `Hexhold already runs in ${path} (pid ${owner.pid}). ` +
        `Stop it with "hexctl stop", or give this one another HEXHOLD_DATA_DIR.`,
    );
    this.name = "DataDirInUse";
    this.owner = owner;
  }
}

const lockSchema = z.object({ pid: z.int().positive(), startedAt: z.string() });

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
  mkdirSync(logDir, { recursive: true, mode: 0o700 });
  const release = takeLock(absolute);
  try {
    const endedLeftovers = await endLeftovers(ledgerFileOf(absolute));
    rmSync(statusFileOf(absolute), { force: true });
    const ledger = openLedger(ledgerFileOf(absolute));
    process.once("exit", ledger.endAllNow);
    return {
      path: absolute,
      logDir,
      statusFile: statusFileOf(absolute),
      ledger,
      endedLeftovers,
      close() {
        process.removeListener("exit", ledger.endAllNow);
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Who holds the directory now, or nobody. */
export function lockOwner(dataDir: string): ProcessIdentity | undefined {
  const owner = readLock(join(dataDir, "lock"));
  return owner !== undefined && isRunning(owner) ? owner : undefined;
}

/**
 * `link` creates the lock whole and only if there is none. A stale one is renamed away
 * first; whoever renames by mistake a lock that another has just taken puts it back.
 */
function takeLock(dataDir: string): () => void {
  const file = join(dataDir, "lock");
  const mine = identityOf(process.pid);
  if (mine === undefined) {
    throw new Error(`The start time of this process (pid ${process.pid}) cannot be read.`);
  }
  const draft = `${file}.${process.pid}.new`;
  const aside = `${file}.${process.pid}.stale`;
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    while (!tryLink(draft, file)) {
      const owner = readLock(file);
      if (owner !== undefined && isRunning(owner)) {
        throw new DataDirInUse(dataDir, owner);
      }
      renameIfThere(file, aside);
      const moved = readLock(aside);
      if (moved !== undefined && isRunning(moved)) {
        tryLink(aside, file);
        throw new DataDirInUse(dataDir, moved);
      }
    }
  } finally {
    rmSync(draft, { force: true });
    rmSync(aside, { force: true });
  }
  return () => {
    const owner = readLock(file);
    if (owner?.pid === mine.pid && owner.startedAt === mine.startedAt) {
      rmSync(file, { force: true });
    }
  };
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (existsSync(to)) {
      return false;
    }
    throw error;
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // Another start has renamed it: the next attempt sees what became of it.
  }
}

function readLock(file: string): ProcessIdentity | undefined {
  try {
    return lockSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}
