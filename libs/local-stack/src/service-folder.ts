import { createHash } from "node:crypto";
import { chownSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isThere } from "@hexhold/config";
import { removeVolumes } from "./container.ts";
import { type FileLock, isLocked, takeFileLock } from "./file-lock.ts";
import type { SystemUser } from "./process/server-process.ts";
import { writeFileWhole } from "./write-file-whole.ts";

/** The folder of a service inside the data directory, for services that run as ourselves. */
export function ownFolder(dataDir: string, name: string): string {
  const folder = join(dataDir, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * The folder of a service that runs as another system user, who may not be able to enter the
 * data directory (under a home of mode 0700 it cannot). It lies in /var/tmp, named after the
 * data directory, and is linked from there. The link is what says that it belongs to this
 * data directory: without it (someone removed `.data`) what lies there is dropped.
 */
export function folderOfUser(dataDir: string, name: string, user: SystemUser): string {
  const base = makeOutsideFolder(dataDir);
  const found = lstatSync(base);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Error(
      `${base} is not a directory of ours (owner ${found.uid}): somebody else made it. ` +
        `Remove it, or use another HEXHOLD_DATA_DIR.`,
    );
  }
  const folder = join(base, name);
  const link = join(dataDir, name);
  if (!isLink(link)) {
    if (isServiceDataInUse(folder)) throw new ServiceDataInUse(name, folder);
    rmSync(folder, { recursive: true, force: true });
    symlinkSync(folder, link);
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Also when it is there: a start that was killed here has left it to us, and the user could not enter it.
  chownSync(folder, user.uid, user.gid);
  return folder;
}

/** A server of an earlier run still works on the data and cannot be ended from here. */
export class ServiceDataInUse extends Error {
  constructor(name: string, folder: string) {
    super(
      `A server still works on the data of ${name} in ${folder}, and its process cannot be seen from here: ` +
        `it runs in another container or pid namespace. Stop it there and start again.`,
    );
    this.name = "ServiceDataInUse";
  }
}

/** What was killed a moment ago, and its children, may need so long to be gone. */
const goneMsMax = 5_000;
const lookMs = 50;

/**
 * The right to work on a service's data: a lock that the server inherits, so that "a server of these data lives" is a
 * fact of the kernel, also when its host was killed and seen from another pid namespace. Only who has it may remove
 * the server's own guards (`postmaster.pid`). Release it when the server has been started, or could not be.
 *
 * @param endOrphans ends those that hold it and can be recognised from here
 */
export async function lockServiceData(
  name: string,
  folder: string,
  endOrphans: () => Promise<void> = () => Promise.resolve(),
): Promise<FileLock> {
  const deadline = performance.now() + goneMsMax;
  for (;;) {
    const lock = await takeFileLock(serviceLockOf(folder));
    if (lock !== undefined) return lock;
    await endOrphans();
    if (performance.now() > deadline) throw new ServiceDataInUse(name, folder);
    await pause(lookMs);
  }
}

/** Whether a server works on the data in this folder, whoever started it. */
export function isServiceDataInUse(folder: string): boolean {
  return isLocked(serviceLockOf(folder));
}

function serviceLockOf(folder: string): string {
  return join(folder, "server.lock");
}

/**
 * Removes a data directory and what of it lies outside. Nothing should run from it any more; what does may put a file
 * into a folder that was just emptied, which is then emptied again, up to ten times.
 */
export function removeDataDir(dataDir: string): void {
  removeVolumes(dataDir);
  rmSync(outsideFolder(dataDir), WHOLE_TREE);
  rmSync(dataDir, WHOLE_TREE);
}

const WHOLE_TREE = { recursive: true, force: true, maxRetries: 10, retryDelay: 10 } as const;

/**
 * Makes it, with the path of its data directory in the file `data-dir`: the name is a hash, from which nobody
 * could tell whose a folder is that a removed data directory has left.
 */
export function makeOutsideFolder(dataDir: string): string {
  const base = outsideFolder(dataDir);
  mkdirSync(base, { recursive: true, mode: 0o711 });
  const mark = join(base, outsideMark);
  if (!isThere(mark)) writeFileWhole(mark, dataDir);
  return base;
}

/** Name of the file that says whose a folder outside is. */
export const outsideMark = "data-dir";
/** Parent of the folders outside. */
export const outsideRoot = "/var/tmp";

/** Where the parts of a data directory lie that other system users must reach. */
export function outsideFolder(dataDir: string): string {
  const hash = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  return `${outsideRoot}/hexhold-${hash}`;
}

/**
 * The user as whom servers run that refuse root (PostgreSQL does): `postgres` where the
 * system has it, else `nobody`, which every system has. `undefined` when we are not root.
 */
export function unprivilegedUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) {
    return undefined;
  }
  const users = new Map(
    readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .map((fields) => [fields[0], { uid: Number(fields[2]), gid: Number(fields[3]) }]),
  );
  const user = users.get("postgres") ?? users.get("nobody");
  if (user === undefined) {
    throw new Error(
      "PostgreSQL does not run as root, and /etc/passwd has no user postgres or nobody.",
    );
  }
  return user;
}

function isLink(path: string): boolean {
  return isThere(path) && lstatSync(path).isSymbolicLink();
}
