/**
 * A private PostgreSQL server: used for the world, and a second time for the documents of
 * FerretDB. TCP on 127.0.0.1 only, no socket file, password for everybody.
 */
import { join } from "node:path";
import { Client, escapeIdentifier } from "pg";
import { baseEnvironment } from "./base-environment.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import { claimCluster, endOrphans } from "./postgres-cluster.ts";
import {
  startServerProcess,
  waitUntilReady,
  type ServerProcess,
} from "./process/server-process.ts";
import { folderOfUser, lockServiceData, ownFolder, unprivilegedUser } from "./service-folder.ts";
import type { StartContext } from "./start-context.ts";

/** Crash recovery of a busy instance included. */
const READY_TIMEOUT_MS = 60_000;
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
  const lock = await lockServiceData(options.name, folder, () => endOrphans(data));
  let server: ServerProcess;
  try {
    await claimCluster({ ...options, folder, user, superuser: SUPERUSER }, lock, context.signal);
    server = await startServerProcess({
      name: options.name,
      command: join(options.binaries.bin, "postgres"),
      args: ["-D", data, ...settingsAsArgs(options)],
      env: baseEnvironment({ HOME: folder, LC_ALL: "C" }),
      cwd: data,
      logFile: join(context.dataDir.logDir, `${options.name}.log`),
      ledger: context.dataDir.ledger,
      // Fast shutdown: SIGTERM would wait for every client to leave by itself.
      stopSignal: "SIGINT",
      lock,
      user,
    });
  } finally {
    lock.release();
  }
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
