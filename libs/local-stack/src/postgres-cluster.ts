/** The files of a private PostgreSQL: made, claimed and recognised before a server is started on them. */
import { spawnSync } from "node:child_process";
import { chownSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { codeOf, isAbsent, isThere, readIfThere } from "@hexhold/config";
import { baseEnvironment } from "./base-environment.ts";
import type { FileLock } from "./file-lock.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import { allPids, identityOf, sendSignal, waitUntilGone } from "./process/process-identity.ts";
import { runProgram } from "./process/run-program.ts";
import type { SystemUser } from "./process/server-process.ts";
import { outsideFolder } from "./service-folder.ts";

/** The lock says what is wrong when one of them is there even then. */
const orphanGoneMsMax = 5_000;

export interface ClusterOptions {
  /** For messages, e.g. `postgres`. */
  readonly name: string;
  /** Holds `data`. */
  readonly folder: string;
  readonly superuser: string;
  readonly password: string;
  readonly binaries: PostgresBinaries;
  readonly user: SystemUser | undefined;
}

/** A data folder that no server could be started on, and that we do not mend. */
export class ClusterDamaged extends Error {
  constructor(data: string, why: string) {
    super(
      `The database in ${data} is damaged: ${why}. Restore it from a backup; ` +
        `another HEXHOLD_DATA_DIR begins a new world and leaves this one as it is.`,
    );
    this.name = "ClusterDamaged";
  }
}

/** Where the data of a private PostgreSQL lie, seen from the data directory; it may not be there. */
export function postgresDataFolder(dataDir: string, folderName: string): string {
  const own = join(dataDir, folderName);
  // A server of root's runs as somebody else, in a folder outside that is linked from here.
  return join(isThere(own) ? own : join(outsideFolder(dataDir), folderName), "data");
}

/** Which major version made these data; `undefined` when there are none yet. */
export function majorOfData(data: string): number | undefined {
  const text = readIfThere(join(data, "PG_VERSION"));
  if (text === undefined) {
    if (isThere(data)) throw new ClusterDamaged(data, "its file PG_VERSION is missing");
    return undefined;
  }
  const major = Number(text.trim());
  if (!Number.isInteger(major) || major < 1) {
    throw new ClusterDamaged(data, `its file PG_VERSION holds ${JSON.stringify(text)}`);
  }
  return major;
}

/**
 * Makes the cluster if there is none, and removes the guard that a killed server has left: its pid may by now be
 * somebody else's, in which case the server would refuse to start.
 *
 * @param lock of the folder: that nobody works on the data is known by it alone
 */
export async function claimCluster(
  options: ClusterOptions,
  lock: FileLock,
  signal: AbortSignal | undefined,
): Promise<void> {
  const data = join(options.folder, "data");
  if (majorOfData(data) === undefined) await createCluster(options, lock, signal);
  await endOrphans(data);
  rmSync(join(data, "postmaster.pid"), { force: true });
}

/**
 * `initdb` into a neighbour that is renamed when it is whole, so that a start which was
 * killed half-way leaves no half cluster. Its files are not synced one by one: nothing is
 * lost yet if the power fails now.
 */
async function createCluster(
  { name, folder, superuser, password, binaries, user }: ClusterOptions,
  lock: FileLock,
  signal: AbortSignal | undefined,
): Promise<void> {
  refuseNamelessUser();
  const draft = join(folder, "data.new");
  const passwordFile = join(folder, "initdb-password");
  rmSync(draft, { recursive: true, force: true });
  try {
    writeFileSync(passwordFile, password, { mode: 0o600 });
    if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
    await runProgram({
      name: `${name}: initdb in ${folder}`,
      command: join(binaries.bin, "initdb"),
      args: [
        `--pgdata=${draft}`,
        `--username=${superuser}`,
        `--pwfile=${passwordFile}`,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        // The same order of text on every machine.
        "--locale=C",
        "--data-checksums",
        "--no-instructions",
        "--no-sync",
      ],
      cwd: folder,
      env: baseEnvironment({ HOME: folder, LC_ALL: "C" }),
      lock,
      signal,
      user,
    });
    renameSync(draft, join(folder, "data"));
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** `initdb` asks the system for the name of its user, and says "user does not exist" where a container has none. */
function refuseNamelessUser(): void {
  const uid = process.getuid?.();
  if (uid === undefined || uid === 0) return;
  // Ends with 2 when no source of the system knows it. Where there is no such program initdb decides.
  if (spawnSync("getent", ["passwd", String(uid)], { stdio: "ignore" }).status !== 2) return;
  throw new Error(
    `PostgreSQL cannot make a database as uid ${uid}, which has no entry in /etc/passwd: ` +
      `add one, or set HEXHOLD_POSTGRES_URL to a database elsewhere.`,
  );
}

/**
 * Ends what still works on this cluster although its postmaster is gone (backends that were frozen when it was
 * killed) and waits until it is gone: a server refuses to start beside what is attached to its memory. Only what can
 * be seen from here; the lock knows of the rest.
 */
export async function endOrphans(data: string): Promise<void> {
  const orphans = allPids()
    .filter((pid) => worksIn(pid, data))
    .flatMap((pid) => identityOf(pid) ?? []);
  for (const { pid } of orphans) {
    sendSignal(pid, "SIGKILL");
  }
  await Promise.all(orphans.map((orphan) => waitUntilGone(orphan, orphanGoneMsMax)));
}

/** PostgreSQL's processes have their data directory as working directory. */
function worksIn(pid: number, data: string): boolean {
  try {
    return (
      readlinkSync(`/proc/${pid}/cwd`) === data &&
      basename(readlinkSync(`/proc/${pid}/exe`)) === "postgres"
    );
  } catch (error) {
    // Gone meanwhile, or of a user whose processes are none of ours.
    if (isAbsent(error) || ["ESRCH", "EACCES", "EPERM"].includes(codeOf(error) ?? "")) return false;
    throw error;
  }
}
