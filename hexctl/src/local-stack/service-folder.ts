import { createHash } from "node:crypto";
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { removeVolumes } from "./container.ts";
import type { SystemUser } from "../process/server-process.ts";

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
    rmSync(folder, { recursive: true, force: true });
    symlinkSync(folder, link);
  }
  if (!existsSync(folder)) {
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, user.uid, user.gid);
  }
  return folder;
}

/** Removes a data directory and what of it lies outside. Nothing may run from it any more. */
export function removeDataDir(dataDir: string): void {
  removeVolumes(dataDir);
  rmSync(outsideFolder(dataDir), { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
}

/**
 * Makes it, with the path of its data directory in the file `data-dir`: the name is a hash, from which nobody
 * could tell whose a folder is that a removed data directory has left.
 */
export function makeOutsideFolder(dataDir: string): string {
  const base = outsideFolder(dataDir);
  mkdirSync(base, { recursive: true, mode: 0o711 });
  const mark = join(base, outsideMark);
  if (!existsSync(mark)) writeFileSync(mark, dataDir);
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
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}
