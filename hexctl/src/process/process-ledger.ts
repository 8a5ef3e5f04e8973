/**
 * The record of what runs for a data directory: `processes.json`, written the moment a
 * process starts and the moment it ends, so that a start after a `kill -9` of the host finds
 * what was left and ends it.
 */
import { readFileSync } from "node:fs";
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
   * Synchronous on purpose: between a start and its record nothing else may happen. After
   * `endAllNow` it kills the process and throws.
   */
  readonly record: (entry: LedgerEntry) => void;
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

/** What the file holds; nothing when it is missing or damaged (it is written whole, so damage is a foreign hand's). */
export function readLedger(file: string): LedgerEntry[] {
  try {
    return ledgerSchema.parse(JSON.parse(readFileSync(file, "utf8"))).processes;
  } catch {
    return [];
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
      save();
    },
    forget(identity) {
      entries = entries.filter(
        (each) => each.pid !== identity.pid || each.startedAt !== identity.startedAt,
      );
      save();
    },
    entries: () => entries,
    endAllNow() {
      isEnding = true;
      for (const entry of entries.filter((each) => isRunning(each))) {
        killTree(entry.pid);
      }
    },
  };
}

/**
 * Ends every recorded process that still runs, with its descendants, and returns those it
 * ended. Only a process whose pid **and** start time match is touched. SIGKILL at once:
 * the host that could have stopped them in order is dead, and each of these services
 * recovers from a crash.
 */
export async function endLeftovers(file: string): Promise<LedgerEntry[]> {
  const leftovers = readLedger(file).filter((entry) => isRunning(entry));
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
  return leftovers;
}
