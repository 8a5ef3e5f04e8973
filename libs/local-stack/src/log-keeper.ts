/**
 * Keeps the logs of a data directory within a size: the host's, those of its processes and those of the private
 * services, which all append to a file that they hold open. A log that has grown too long is copied to `<name>.log.1`,
 * in place of the one before, and begun anew; who writes to it notices nothing. Lines that are written between the
 * last look and the cut, some microseconds, may be lost. Where a copy finds no room the lines are dropped, and said to
 * be: a log may not keep a disk full.
 */
import {
  appendFileSync,
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { osReason } from "@hexhold/config";

export interface LogKeeperOptions {
  /** Of one log; with the one before it takes twice that. Default 16 MiB. */
  readonly bytesMax?: number;
  /** Between two looks. Default 1 s. */
  readonly everyMs?: number;
}

export interface LogKeeper {
  readonly stop: () => void;
}

const bytesMaxDefault = 16 * 1024 * 1024;
const everyMsDefault = 1_000;

/** The log before the present one. */
export function olderLogOf(file: string): string {
  return `${file}.1`;
}

export function keepLogs(folder: string, options: LogKeeperOptions = {}): LogKeeper {
  const { bytesMax = bytesMaxDefault, everyMs = everyMsDefault } = options;
  let isStopped = false;
  let isLooking = false;
  const look = async (): Promise<void> => {
    for (const file of logsIn(folder)) {
      const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      if (size > bytesMax && !isStopped) await rotate(file, size);
    }
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    // What cannot be done now (no descriptor, a folder that is gone) is tried again at the next look.
    look()
      .catch(() => undefined)
      .finally(() => (isLooking = false));
  }, everyMs).unref();
  return {
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}

async function rotate(file: string, size: number): Promise<void> {
  const older = olderLogOf(file);
  try {
    await copyFile(file, older);
    appendRest(file, older);
    truncateSync(file);
  } catch (error) {
    truncateSync(file);
    rmSync(older, { force: true, recursive: true });
    const msg = `${size} bytes of this log were dropped: they could not be kept (${osReason(error)})`;
    const line = JSON.stringify({ level: "warn", time: new Date().toISOString(), msg });
    appendFileSync(file, `${line}\n`);
  }
}

/** What was written while it was copied. */
function appendRest(file: string, older: string): void {
  let copied = statSync(older).size;
  const fd = openSync(file, "r");
  try {
    for (;;) {
      const rest = Buffer.alloc(Math.max(0, fstatSync(fd).size - copied));
      const count = readSync(fd, rest, 0, rest.length, copied);
      if (count === 0) return;
      appendFileSync(older, rest.subarray(0, count));
      copied += count;
    }
  } finally {
    closeSync(fd);
  }
}

function logsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .map((name) => join(folder, name));
}
