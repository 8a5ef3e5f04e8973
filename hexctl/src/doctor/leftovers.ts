/**
 * What killed runs have left: processes, data directories of tests, and folders outside of data directories
 * that are gone. Removable is only what belongs to no living process, by proof: the lock and the recorded
 * processes of a data directory name pid and start time, and no process works in the folder.
 */
import { lstatSync, readdirSync, readlinkSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf, isAbsent, isThere, readIfThere } from "@hexhold/config";
import {
  allPids,
  isRunning,
  isServiceDataInUse,
  ledgerFileOf,
  lockOwner,
  logDirOf,
  openDataDir,
  outsideFolder,
  outsideMark,
  readLedger,
  removeDataDir,
} from "@hexhold/local-stack";

export interface Leftover {
  readonly what: string;
  /** Removes it, after another look. Absent: whose it is, is not known, or somebody still uses it. */
  readonly remove?: () => Promise<void>;
  /** Why it cannot be removed here. */
  readonly why?: string;
}

export interface LeftoverPlaces {
  /** Data directories that are kept: only processes are looked for. */
  readonly dataDirs: readonly string[];
  /** Parents of data directories that tests make, with the pattern of their names. */
  readonly testDirs: readonly { readonly parent: string; readonly name: RegExp }[];
  /** Parent of the folders `hexhold-<hash>`. */
  readonly outsideRoot: string;
}

/** Younger than that, a test may still be between two starts. */
const testDirAgeMsMin = 3_600_000;

export function findLeftovers(places: LeftoverPlaces, nowMs = Date.now()): Leftover[] {
  const testDirs = places.testDirs.flatMap(({ parent, name }) =>
    entriesOf(parent)
      .filter((entry) => name.test(entry))
      .map((entry) => join(parent, entry)),
  );
  const known = [...places.dataDirs, ...testDirs];
  return [
    ...known.flatMap(processesOf),
    ...testDirs.flatMap((dataDir) => testDirOf(dataDir, nowMs)),
    ...outsideOf(places.outsideRoot, known),
  ];
}

/** Of a host that was killed. */
function processesOf(dataDir: string): Leftover[] {
  if (mayBeOwned(dataDir)) return [];
  const left = readLedger(ledgerFileOf(dataDir)).filter((entry) => isRunning(entry));
  if (left.length === 0) return [];
  const names = left.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ");
  return [{ what: `${names}, left by a killed run in ${dataDir}`, remove: () => endIn(dataDir) }];
}

/** Also when it cannot be found out (a directory of another user): then nothing of it is touched. */
function mayBeOwned(dataDir: string): boolean {
  try {
    return lockOwner(dataDir) !== undefined;
  } catch {
    return true;
  }
}

/** Takes the lock, so that nobody starts there meanwhile; opening ends what a killed run has left. */
async function endIn(dataDir: string): Promise<void> {
  (await openDataDir(dataDir)).close();
}

function testDirOf(dataDir: string, nowMs: number): Leftover[] {
  if (mayBeOwned(dataDir) || !isThere(logDirOf(dataDir))) return [];
  const ageMs = nowMs - touchedMs(dataDir);
  if (ageMs < testDirAgeMsMin) return [];
  return [
    {
      what: `${dataDir}, of a test run that was killed`,
      async remove() {
        await endIn(dataDir);
        removeDataDir(dataDir);
      },
    },
  ];
}

function touchedMs(dataDir: string): number {
  const files = [dataDir, logDirOf(dataDir), ledgerFileOf(dataDir)];
  return Math.max(...files.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0));
}

function outsideOf(root: string, known: readonly string[]): Leftover[] {
  const byFolder = new Map(known.map((dataDir) => [outsideFolder(dataDir), dataDir]));
  const strangers: string[] = [];
  const leftovers = entriesOf(root)
    .filter((entry) => /^hexhold-[0-9a-f]{12}$/.test(entry))
    .flatMap((entry): Leftover[] => {
      const folder = join(root, entry);
      const dataDir = markOf(folder) ?? byFolder.get(folder);
      if (dataDir === undefined) {
        if (!isWorkedIn(folder)) strangers.push(folder);
        return [];
      }
      if (isLinkedFrom(dataDir, folder) || isWorkedIn(folder)) return [];
      return [
        {
          what: `${folder}, of ${dataDir}, which is gone`,
          remove() {
            if (!isLinkedFrom(dataDir, folder) && !isWorkedIn(folder)) {
              rmSync(folder, { recursive: true, force: true });
            }
            return Promise.resolve();
          },
        },
      ];
    });
  if (strangers.length === 0) return leftovers;
  return [
    ...leftovers,
    {
      what: `${strangers.length} folders ${root}/hexhold-* of data directories that are not known here`,
      why: "Nothing runs in them, but they may be worlds that are stopped: a data directory in use links to its own (ls -l). Remove the others by hand.",
    },
  ];
}

/** Whose a folder is, as it says itself; older ones do not. */
function markOf(folder: string): string | undefined {
  return readIfThere(join(folder, outsideMark));
}

function isLinkedFrom(dataDir: string, folder: string): boolean {
  return entriesOf(dataDir).some((entry) => {
    const path = join(dataDir, entry);
    return (
      isThere(path) &&
      lstatSync(path).isSymbolicLink() &&
      readlinkSync(path).startsWith(`${folder}/`)
    );
  });
}

/**
 * Whether a process is at home in a folder. What another user's process has open may be hidden, even from root
 * in a container; only PostgreSQL runs there as somebody else, and says in `postmaster.pid` as whom.
 */
function isWorkedIn(folder: string): boolean {
  try {
    return isSeenToBeWorkedIn(folder);
  } catch {
    // What cannot be looked at may be in use.
    return true;
  }
}

function isSeenToBeWorkedIn(folder: string): boolean {
  const pids = allPids();
  const isAtHome = (pid: number, link: string): boolean => {
    try {
      return `${readlinkSync(`/proc/${pid}/${link}`)}/`.startsWith(`${folder}/`);
    } catch (error) {
      if (isAbsent(error) || ["ESRCH", "EACCES", "EPERM"].includes(codeOf(error) ?? ""))
        return false;
      throw error;
    }
  };
  return (
    entriesOf(folder).some((entry) => isServiceDataInUse(join(folder, entry))) ||
    pids.some((pid) => isAtHome(pid, "cwd") || isAtHome(pid, "exe")) ||
    entriesOf(folder).some((entry) => pids.includes(postmasterOf(join(folder, entry, "data"))))
  );
}

/** Pid that a cluster's server has noted; NaN = none. A stranger that has the pid by now counts as well. */
function postmasterOf(data: string): number {
  const [pid] = (readIfThere(join(data, "postmaster.pid")) ?? "none").split("\n");
  return Number(pid);
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}
