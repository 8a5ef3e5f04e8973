/** "Cannot be read" is not "is not there": the only two answers that a look at a file may give, or an error. */
import { lstatSync, readFileSync } from "node:fs";

/** The file's text; `undefined` only when there is no such file. Throws whatever else keeps it from being read. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Whether something has that name (a dangling link has). Throws when that cannot be found out. */
export function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

/** Of an error of the file system: nothing has that name. */
export function isAbsent(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** `EACCES` and so on; `undefined` for an error that is not the operating system's. */
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error && error.code;
  return typeof code === "string" ? code : undefined;
}

/** What the operating system means, for a sentence. */
const meanings: Readonly<Record<string, string>> = {
  EACCES: "this user may not",
  EPERM: "this user may not",
  EROFS: "its file system is read-only",
  ENOSPC: "no space is left on the disk",
  EDQUOT: "the disk quota is used up",
  EMFILE: "this process has no descriptor left",
  ENFILE: "this machine has no descriptor left",
  EIO: "the disk does not answer",
  ENOLCK: "its file system has no locks",
  ENOTDIR: "a file stands where a folder must be",
  EISDIR: "a folder stands where a file must be",
  ENOENT: "it is not there",
};

/** `no space is left on the disk (ENOSPC)`; for other errors their message. */
export function osReason(error: unknown): string {
  const code = codeOf(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  const meaning = meanings[code] ?? (error instanceof Error ? error.message : "");
  return meaning.includes(code) ? meaning : `${meaning} (${code})`;
}
