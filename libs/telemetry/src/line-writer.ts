/**
 * Where log lines go: a descriptor, written at once, so that a crash loses none. Writing a log can end nothing: a line
 * that cannot be written (full disk, reader gone) is dropped and counted, and the count is said when the next one can.
 *
 *   writing ──a write fails, or is cut short──▶ dropping ──a write succeeds──▶ writing
 */
import { writeSync } from "node:fs";

export interface LineWriter {
  /** One line, its newline included. Never throws. */
  readonly write: (line: string) => void;
  /** Lines that were lost since the writer was made. */
  readonly dropped: () => number;
}

/** A reader of a pipe that is behind gets this long; then the line is lost rather than the process held up. */
const pipeAttemptsMax = 5;
const pipePauseMs = 2;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** @param write bytes written; throws errors of the operating system (default: `fs.writeSync`) */
export function createLineWriter(
  fd: number,
  write: (fd: number, bytes: Uint8Array) => number = writeSync,
): LineWriter {
  let dropped = 0;
  /** Lost since the last line that was written. */
  let untold = 0;
  let why = "";
  let isCutShort = false;

  /** Whether all of it was written. */
  const put = (text: string): boolean => {
    const bytes = Buffer.from(text);
    for (let at = 0, attempt = 1; at < bytes.length;) {
      try {
        const count = write(fd, at === 0 ? bytes : bytes.subarray(at));
        // A disk that has just become full takes a part, and then says why.
        if (count === 0) return cut(at, "nothing was taken");
        at += count;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === "EAGAIN" && attempt < pipeAttemptsMax) {
          attempt += 1;
          Atomics.wait(sleeper, 0, 0, pipePauseMs);
          continue;
        }
        return cut(at, code ?? message);
      }
    }
    return true;
  };
  const cut = (at: number, reason: string): false => {
    isCutShort ||= at > 0;
    why = reason;
    return false;
  };

  return {
    write(line) {
      if (untold > 0 || isCutShort) {
        // What stands there is the beginning of a line.
        if (!put(isCutShort ? `\n${told(untold, why)}` : told(untold, why))) {
          dropped += 1;
          untold += 1;
          return;
        }
        untold = 0;
        isCutShort = false;
      }
      if (put(line)) return;
      dropped += 1;
      untold += 1;
    },
    dropped: () => dropped,
  };
}

function told(count: number, why: string): string {
  const time = new Date().toISOString();
  const msg = `${count} lines of this log were dropped (${why})`;
  return `${JSON.stringify({ level: "warn", time, msg })}\n`;
}
