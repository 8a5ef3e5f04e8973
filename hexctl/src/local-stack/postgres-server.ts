/**
 * A private PostgreSQL server: used for the world, and a second time for the documents of
 * FerretDB. TCP on 127.0.0.1 only, no socket file, password for everybody.
 */
import { execFile } from "node:child_process";
import {
  chownSync,
  existsSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { Client, escapeIdentifier } from "pg";
import { allPids, identityOf, sendSignal, waitUntilGone } from "../process/process-identity.ts";
import {
  startServerProcess,
  waitUntilReady,
  type ServerProcess,
  type SystemUser,
} from "../process/server-process.ts";
import { baseEnvironment } from "./base-environment.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import { folderOfUser, ownFolder, unprivilegedUser } from "./service-folder.ts";
import type { StartContext } from "./start-context.ts";

const run = promisify(execFile);

/** Crash recovery of a busy instance included. */
const READY_TIMEOUT_MS = 60_000;
/** The server says what is wrong when one of them is there even then. */
const ORPHAN_GONE_MS_MAX = 5_000;
const SUPERUSER = "postgres";

export interface PostgresServerOptions {
  /** Process and log name, e.g. `postgres`. */
  readonly name: string;
  /** Folder inside the data directory. */
  readonly folderName: string;
  readonly port: number;
  readonly password: string;
  /** Created when missing. */
  readonly database: string;
  readonly binaries: PostgresBinaries;
  /** `postgresql.conf` settings on top of the common ones. */
  readonly settings: Readonly<Record<string, string | number>>;
}

/** A superuser's URL of the server's database. */
export function postgresServerUrl(options: PostgresServerOptions): string {
  return `postgres://${SUPERUSER}:${options.password}@127.0.0.1:${options.port}/${options.database}`;
}

/** Creates the cluster if there is none, starts the server, and settles when the database answers. */
export async function launchPostgresServer(
  options: PostgresServerOptions,
  context: StartContext,
): Promise<{ process: ServerProcess; version: string }> {
  const user = unprivilegedUser();
  const folder =
    user === undefined
      ? ownFolder(context.dataDir.path, options.folderName)
      : folderOfUser(context.dataDir.path, options.folderName, user);
  const data = join(folder, "data");
  await createCluster(options, context, folder, user);
  refuseOtherMajor(data, options.binaries);
  await endOrphans(data);
  const server = await startServerProcess({
    name: options.name,
    command: join(options.binaries.bin, "postgres"),
    args: ["-D", data, ...settingsAsArgs(options)],
    env: baseEnvironment({ HOME: folder, LC_ALL: "C" }),
    cwd: data,
    logFile: join(context.dataDir.logDir, `${options.name}.log`),
    ledger: context.dataDir.ledger,
    // Fast shutdown: SIGTERM would wait for every client to leave by itself.
    stopSignal: "SIGINT",
    user,
  });
  try {
    const version = await waitUntilReady(server, READY_TIMEOUT_MS, () => prepareDatabase(options));
    return { process: server, version };
  } catch (error) {
    await server.kill();
    throw error;
  }
}

/** Connects, creates the database if it is missing, and returns the server's version. */
async function prepareDatabase(options: PostgresServerOptions): Promise<string> {
  const client = new Client({
    connectionString: postgresServerUrl({ ...options, database: "postgres" }),
    connectionTimeoutMillis: 2_000,
  });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const known = await client.query("select 1 from pg_database where datname = $1", [
      options.database,
    ]);
    if (known.rowCount === 0) {
      await client.query(`create database ${escapeIdentifier(options.database)}`);
    }
    const answer = await client.query<{ server_version: string }>("show server_version");
    return `PostgreSQL ${answer.rows[0]?.server_version.split(" ")[0] ?? "?"}`;
  } finally {
    await client.end();
  }
}

/**
 * `initdb` into a neighbour that is renamed when it is whole, so that a start which was
 * killed half-way leaves no half cluster. Its files are not synced one by one: nothing is
 * lost yet if the power fails now.
 */
async function createCluster(
  options: PostgresServerOptions,
  context: StartContext,
  folder: string,
  user: SystemUser | undefined,
): Promise<void> {
  const data = join(folder, "data");
  if (existsSync(join(data, "PG_VERSION"))) {
    return;
  }
  const draft = join(folder, "data.new");
  const passwordFile = join(folder, "initdb-password");
  rmSync(draft, { recursive: true, force: true });
  rmSync(data, { recursive: true, force: true });
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  if (user !== undefined) {
    chownSync(passwordFile, user.uid, user.gid);
  }
  const args = [
    `--pgdata=${draft}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // The same order of text on every machine.
    "--locale=C",
    "--data-checksums",
    "--no-instructions",
    "--no-sync",
  ];
  try {
    await run(join(options.binaries.bin, "initdb"), args, {
      cwd: folder,
      env: baseEnvironment({ HOME: folder, LC_ALL: "C" }),
      signal: context.signal,
      ...user,
    });
  } catch (error) {
    throw new Error(`${options.name}: initdb failed in ${folder}`, { cause: error });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(draft, data);
}

/** A cluster of another major version cannot be opened; the server's own message comes too late and too terse. */
function refuseOtherMajor(data: string, binaries: PostgresBinaries): void {
  const clusterMajor = Number(readFileSync(join(data, "PG_VERSION"), "utf8"));
  if (clusterMajor !== binaries.major) {
    throw new Error(
      `The data in ${data} was made by PostgreSQL ${clusterMajor}, but ${binaries.origin} is ` +
        `${binaries.major}. Install PostgreSQL ${clusterMajor}, or remove the data directory to begin anew.`,
    );
  }
}

/**
 * Ends what still works on this cluster although its postmaster is gone (backends that were
 * frozen when it was killed), waits until it is gone (a server refuses to start beside what is
 * attached to its memory), and removes the lock that it left: its pid may by now be somebody
 * else's, in which case the server would refuse to start. Safe, because the data directory's
 * lock is ours and every recorded process has been ended before.
 */
async function endOrphans(data: string): Promise<void> {
  const orphans = allPids()
    .filter((pid) => worksIn(pid, data))
    .flatMap((pid) => identityOf(pid) ?? []);
  for (const { pid } of orphans) {
    sendSignal(pid, "SIGKILL");
  }
  await Promise.all(orphans.map((orphan) => waitUntilGone(orphan, ORPHAN_GONE_MS_MAX)));
  rmSync(join(data, "postmaster.pid"), { force: true });
}

/** PostgreSQL's processes have their data directory as working directory. */
function worksIn(pid: number, data: string): boolean {
  try {
    return (
      readlinkSync(`/proc/${pid}/cwd`) === data &&
      basename(readlinkSync(`/proc/${pid}/exe`)) === "postgres"
    );
  } catch {
    return false;
  }
}

function settingsAsArgs(options: PostgresServerOptions): string[] {
  const settings: Record<string, string | number> = {
    listen_addresses: "127.0.0.1",
    port: options.port,
    unix_socket_directories: "",
    // What is acknowledged is on the disk: the promise of the journal rests on these two.
    fsync: "on",
    synchronous_commit: "on",
    // Statements here are short; compiling them costs more than it saves.
    jit: "off",
    log_line_prefix: "%m [%p] %a ",
    ...options.settings,
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
