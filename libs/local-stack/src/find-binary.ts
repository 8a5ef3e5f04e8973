import { accessSync, constants, readdirSync, realpathSync, statSync } from "node:fs";
import { codeOf, isAbsent } from "@hexhold/config";
import { delimiter, dirname, join } from "node:path";

/**
 * The first executable of that name on PATH or in one of the folders. Not resolved to its
 * real path: some programs (Debian's redis-server) are links to a binary that goes by the
 * name under which it was called.
 */
export function findBinary(name: string, usualFolders: readonly string[] = []): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...usualFolders];
  for (const folder of folders) {
    const file = join(folder, name);
    if (folder !== "" && isExecutable(file)) {
      return file;
    }
  }
  return undefined;
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch (error) {
    if (isNotForUs(error)) return false;
    throw error;
  }
}

/** Folders `<parent>/<entry>/<tail>` that exist, highest version of `entry` first. */
export function versionedFolders(parent: string, tail: string): string[] {
  let entries: string[];
  try {
    entries = readdirSync(parent);
  } catch (error) {
    if (isNotForUs(error)) return [];
    throw error;
  }
  return entries
    .toSorted((a, b) => b.localeCompare(a, undefined, { numeric: true }))
    .map((entry) => join(parent, entry, tail))
    .filter((folder) => {
      try {
        return statSync(folder).isDirectory();
      } catch (error) {
        if (isNotForUs(error)) return false;
        throw error;
      }
    });
}

/** Not there, or closed to this user. A process without descriptors has not found that out. */
function isNotForUs(error: unknown): boolean {
  return isAbsent(error) || ["EACCES", "EPERM", "ELOOP"].includes(codeOf(error) ?? "");
}

/**
 * Whether another system user can reach a file: every folder above it must let others
 * through. A checkout under a home of mode 0700 does not.
 */
export function isReachableByOthers(file: string): boolean {
  const executeForOthers = 0o001;
  for (let path = realpathSync(file); ; path = dirname(path)) {
    if ((statSync(path).mode & executeForOthers) === 0) {
      return false;
    }
    if (path === dirname(path)) {
      return true;
    }
  }
}
