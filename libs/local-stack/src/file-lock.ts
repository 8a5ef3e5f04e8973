/**
 * A lock that the kernel holds for as long as its owner lives, and that everybody sees, whatever pid namespace,
 * container or user they are in.
 *
 * It belongs to the open file (an "open file description"), not to a process: it ends with the last descriptor of it,
 * so a child that inherits the descriptor keeps it when its parent is gone. The file itself stays: who removed it
 * would leave two owners of two files of one name.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, statSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { codeOf, isAbsent, osReason, readIfThere } from "@hexhold/config";
import { tryLock } from "fs-native-extensions";

export interface FileLock {
  /** For children that are to hold the lock as well. */
  readonly fd: number;
  /** Replaces the file's text: a hint for people, never what decides. */
  readonly note: (text: string) => void;
  /** Gives it up, unless a child has the descriptor. Idempotent. */
  readonly release: () => void;
}

/** A lock can be neither taken nor found free: nothing may be concluded from that. */
export class LockUnknown extends Error {
  readonly code: string | undefined;
  constructor(file: string, cause: unknown) {
    super(`Whether ${file} is locked cannot be found out: ${osReason(cause)}.`, { cause });
    this.name = "LockUnknown";
    this.code = codeOf(cause);
  }
}

/** Who only looks holds a shared lock for some microseconds: it must not be taken for an owner. */
const looksMs = 25;
const looksMax = 8;

/** Takes the lock, making the file when there is none; `undefined` when somebody has it. */
export async function takeFileLock(file: string): Promise<FileLock | undefined> {
  for (let look = 1; ; look++) {
    const taken = tryTake(file);
    if (taken !== undefined || look === looksMax) return taken;
    await pause(looksMs);
  }
}

/** Whether somebody has the lock. A file that is not there has no owner. */
export function isLocked(file: string): boolean {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch (error) {
    if (isAbsent(error)) return false;
    throw new LockUnknown(file, error);
  }
  try {
    return !tryLock(fd, { shared: true });
  } catch (error) {
    throw new LockUnknown(file, error);
  } finally {
    closeSync(fd);
  }
}

/** What the last owner has noted. */
export function noteOf(file: string): string {
  return readIfThere(file) ?? "";
}

function tryTake(file: string): FileLock | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, "a+", 0o600);
    if (!tryLock(fd) || !isStillThere(fd, file)) {
      closeSync(fd);
      return undefined;
    }
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw new LockUnknown(file, error);
  }
  return lockOf(fd);
}

function lockOf(fd: number): FileLock {
  let isHeld = true;
  return {
    fd,
    note(text) {
      ftruncateSync(fd);
      writeSync(fd, text);
    },
    release() {
      if (!isHeld) return;
      isHeld = false;
      closeSync(fd);
    },
  };
}

/** Not if the folder was removed and made again between opening and locking. */
function isStillThere(fd: number, file: string): boolean {
  const mine = fstatSync(fd);
  try {
    const now = statSync(file);
    return now.ino === mine.ino && now.dev === mine.dev;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}
