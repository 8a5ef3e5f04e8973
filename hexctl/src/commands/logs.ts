import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { isAbsent } from "@hexhold/config";
import { logDirOf, olderLogOf } from "@hexhold/local-stack";
import type { CommandContext } from "./command-context.ts";

const FOLLOW_INTERVAL_MS = 250;
/** Read from the end of each file for its last lines. */
const TAIL_BYTES_MAX = 256 * 1024;

interface LogsOptions {
  readonly follow: boolean;
  readonly lines: string;
}

/** `hexctl logs [name] [-f]`: the last lines of one log, or of all. */
export function logsCommand(context: CommandContext): Command {
  return new Command("logs")
    .description("Show the logs of the services and processes.")
    .argument("[name]", "one of them, e.g. postgres; all by default")
    .option("-f, --follow", "go on with what is added", false)
    .option("-n, --lines <number>", "how many lines of each", "40")
    .action((name: string | undefined, options: LogsOptions) => logs(context, name, options));
}

async function logs(
  context: CommandContext,
  name: string | undefined,
  options: LogsOptions,
): Promise<void> {
  const folder = logDirOf(context.dataDir);
  const known = logNames(folder);
  if (name !== undefined && !known.includes(name)) {
    const there = known.length === 0 ? "none" : known.join(", ");
    throw new Error(`There is no log "${name}" in ${folder}. There are: ${there}.`);
  }
  const readers = new Map<string, LogReader>();
  for (const each of name === undefined ? known : [name]) {
    const reader = openReader(join(folder, `${each}.log`));
    readers.set(each, reader);
    print(each, name, lastLines(reader.readNew(), Number(options.lines)));
  }
  while (options.follow) {
    await delay(FOLLOW_INTERVAL_MS);
    for (const each of name === undefined ? logNames(folder) : [name]) {
      const reader = readers.get(each) ?? openReader(join(folder, `${each}.log`));
      readers.set(each, reader);
      print(each, name, reader.readNew());
    }
  }
}

function logNames(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith(".log"))
      .map((file) => basename(file, ".log"))
      .toSorted();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

export interface LogReader {
  /** Whole lines that were added since the last call; at first those at the end of the file. */
  readonly readNew: () => string[];
}

/**
 * Follows a log over the moment at which it is begun anew (`keepLogs`): what was written to it before stands in the
 * older one.
 */
export function openReader(file: string): LogReader {
  let position: number | undefined;
  let rest = "";
  const readAll = (): string => {
    const size = sizeOf(file);
    if (position === undefined) {
      // At first the end, of both if the present one is short.
      const missing = TAIL_BYTES_MAX - size;
      const older = missing > 0 ? readFrom(olderLogOf(file), -missing).text : "";
      const present = readFrom(file, -TAIL_BYTES_MAX);
      position = present.end;
      return older + present.text;
    }
    const older = size < position ? readFrom(olderLogOf(file), position).text : "";
    const present = readFrom(file, size < position ? 0 : position);
    position = present.end;
    return older + present.text;
  };
  return {
    readNew() {
      const lines = `${rest}${readAll()}`.split("\n");
      rest = lines.pop() ?? "";
      return lines;
    },
  };
}

/** From a position, or so many bytes before the end; nothing of a file that is not there. */
function readFrom(file: string, from: number): { text: string; end: number } {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    if (isAbsent(error)) return { text: "", end: 0 };
    throw error;
  }
  try {
    const { size } = fstatSync(handle);
    const start = Math.min(size, from < 0 ? Math.max(0, size + from) : from);
    const buffer = Buffer.alloc(size - start);
    const count = readSync(handle, buffer, 0, buffer.length, start);
    return { text: buffer.toString("utf8", 0, count), end: start + count };
  } finally {
    closeSync(handle);
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function lastLines(lines: readonly string[], count: number): readonly string[] {
  return count > 0 ? lines.slice(-count) : [];
}

/** With several logs each line says whose it is. */
function print(source: string, only: string | undefined, lines: readonly string[]): void {
  for (const line of lines) {
    console.log(only === undefined ? `${source.padEnd(16)} | ${line}` : line);
  }
}
