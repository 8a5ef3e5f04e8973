/**
 * The record of what runs for a data directory: `processes.json`, written the moment a
 * process starts and the moment it ends, so that a start after a `kill -9` of the host finds
 * what was left and ends it.
 */
import { renameSync } from "node:fs";
import { osReason, readIfThere } from "@hexhold/config";
import { z } from "zod";
import { writeFileWhole } from "../write-file-whole.ts";
import { isRunning, killTree, waitUntilGone, type ProcessIdentity } from "./process-identity.ts";

const ledgerSchema = z.object({
  format: z.literal(1),
  processes: z.array(
    z.object({ name: z.string(), pid: z.int().positive(), startedAt: z.string() }),
  ),
});

export interface LedgerEntry extends ProcessIdentity {
  readonly name: string;
}

export interface ProcessLedger {
  /**
   * Synchronous on purpose: between a start and its record nothing else may happen. When it
   * cannot be written, and after `endAllNow`, it kills the process and throws.
   */
  readonly record: (entry: LedgerEntry) => void;
  /**
   * Never throws, as it is called from the event of a process's end: what cannot be written now
   * (a full disk, a directory that was removed) goes into the file with the next change. An entry
   * that stays there names a process that is gone, which the next start sees.
   */
  readonly forget: (identity: ProcessIdentity) => void;
  readonly entries: () => readonly LedgerEntry[];
  /**
   * Kills every entry without waiting and lets nothing be started any more: the last act of
   * a host that leaves at once, or that is told to stop while it is still starting.
   */
  readonly endAllNow: () => void;
}

/** How long a killed leftover may take to disappear; a process in uninterruptible sleep can need a while. */
const GONE_TIMEOUT_MS = 10_000;

/** The file is there and is no ledger: it is written whole, so a foreign hand or a broken disk was at it. */
export class LedgerDamaged extends Error {
  constructor(file: string, cause: unknown) {
    super(
      `${file} is damaged: what an earlier run has left cannot be told from it. A start sets it aside; ` +
        `a database that is still running is found by its lock.`,
      { cause },
    );
    this.name = "LedgerDamaged";
  }
}

/** What the file holds; nothing when there is none. Throws `LedgerDamaged`, or why it cannot be read. */
export function readLedger(file: string): LedgerEntry[] {
  const text = readIfThere(file);
  if (text === undefined) return [];
  try {
    return ledgerSchema.parse(JSON.parse(text)).processes;
  } catch (error) {
    throw new LedgerDamaged(file, error);
  }
}

/** Opens an empty ledger over the file; call `endLeftovers` before. */
export function openLedger(file: string): ProcessLedger {
  let entries: LedgerEntry[] = [];
  let isEnding = false;
  const save = (): void => {
    writeFileWhole(file, `${JSON.stringify({ format: 1, processes: entries }, undefined, 2)}\n`);
  };
  save();
  return {
    record(entry) {
      if (isEnding) {
        killTree(entry.pid);
        throw new Error(`${entry.name} is not started any more: everything is being stopped.`);
      }
      entries = [...entries, entry];
      try {
        save();
      } catch (error) {
        killTree(entry.pid);
        throw new Error(`${entry.name} is not started: ${osReason(error)}, for ${file}.`, {
          cause: error,
        });
      }
    },
    forget(identity) {
      entries = entries.filter(
        (each) => each.pid !== identity.pid || each.startedAt !== identity.startedAt,
      );
      try {
        save();
      } catch {
        // See above.
      }
    },
    entries: () => entries,
    endAllNow() {
      isEnding = true;
      for (const entry of entries) {
        try {
          if (isRunning(entry)) killTree(entry.pid);
        } catch {
          // The last act of a host: the others are ended all the same, and the next start sees to this one.
        }
      }
    },
  };
}

export interface Leftovers {
  readonly ended: readonly LedgerEntry[];
  readonly warnings: readonly string[];
}

/**
 * Ends every recorded process that still runs, with its descendants, and returns those it
 * ended. Only a process whose pid **and** start time match is touched. SIGKILL at once:
 * the host that could have stopped them in order is dead, and each of these services
 * recovers from a crash. A damaged ledger is set aside with a warning: that no server of an
 * earlier run uses the data is seen by the locks of the services, not by the ledger.
 */
export async function endLeftovers(file: string): Promise<Leftovers> {
  const warnings: string[] = [];
  let entries: LedgerEntry[] = [];
  try {
    entries = readLedger(file);
  } catch (error) {
    if (!(error instanceof LedgerDamaged)) throw error;
    renameSync(file, `${file}.damaged`);
    warnings.push(`${error.message} It is ${file}.damaged now.`);
  }
  const leftovers = entries.filter((entry) => isRunning(entry));
  for (const leftover of leftovers) {
    killTree(leftover.pid);
  }
  for (const leftover of leftovers) {
    if (!(await waitUntilGone(leftover, GONE_TIMEOUT_MS))) {
      throw new Error(
        `${leftover.name} (pid ${leftover.pid}) of an earlier run does not end after SIGKILL. ` +
          `End it by hand and start again.`,
      );
    }
  }
  return { ended: leftovers, warnings };
}
