import { join } from "node:path";
import { Client } from "pg";
import {
  type ServerProcess,
  startServerProcess,
  waitUntilReady,
} from "./process/server-process.ts";
import { baseEnvironment } from "./base-environment.ts";
import type { FerretdbBinary } from "./ferretdb-binary.ts";
import { freePorts } from "./free-ports.ts";
import { mongodbVersion } from "./mongodb-version.ts";
import { findPostgresBinaries } from "./postgres-binaries.ts";
import { majorOfData, postgresDataFolder } from "./postgres-cluster.ts";
import {
  launchPostgresServer,
  postgresServerUrl,
  type PostgresServerOptions,
} from "./postgres-server.ts";
import { lockServiceData, ownFolder } from "./service-folder.ts";
import { startPrivateService, type Launched, type ServiceHandle } from "./service-handle.ts";
import type { StartContext } from "./start-context.ts";

const READY_TIMEOUT_MS = 30_000;
/** A bulk of 50 updates holds 50 connections until it ends; fewer would deadlock on themselves. */
const POOL_CONNECTIONS_MAX = 256;

/**
 * FerretDB in front of a PostgreSQL server of its **own**: killing the world's PostgreSQL and
 * killing "MongoDB" stay two different faults. Kill, freeze and stop mean both processes.
 *
 * FerretDB 1.24 has no users of its own; it passes on what a client gives with PLAIN to its
 * PostgreSQL, which checks the password. Its own URL therefore names no user, and a client
 * without credentials gets nothing.
 */
export async function startFerretdb(
  context: StartContext,
  binary: FerretdbBinary,
): Promise<ServiceHandle> {
  const [port = 0, postgresPort = 0] = await freePorts(2);
  const options: PostgresServerOptions = {
    name: "mongodb-postgres",
    folderName: "mongodb",
    port: postgresPort,
    password: context.secrets.mongodb,
    database: "ferretdb",
    binaries: await findPostgresBinaries(
      { ...context, sources: ["system", "npm"] },
      majorOfData(postgresDataFolder(context.dataDir.path, "mongodb")),
    ),
    settings: {
      max_connections: POOL_CONNECTIONS_MAX + 16,
      shared_buffers: "64MB",
      // As a MongoDB with write concern 1: acknowledged before it is on the disk. No promise
      // of the product rests on it, and the disk's syncs are left to the journal.
      synchronous_commit: "off",
    },
  };
  const folder = ownFolder(context.dataDir.path, "ferretdb");
  const { username, password } = new URL(postgresServerUrl(options));
  const url = `mongodb://${username}:${password}@127.0.0.1:${port}/?authMechanism=PLAIN`;
  const backend = `postgres://127.0.0.1:${options.port}/${options.database}?sslmode=disable&pool_max_conns=${POOL_CONNECTIONS_MAX}`;
  context.report("starting", binary.origin);
  const launchFront = async (postgres: ServerProcess): Promise<Launched> => {
    const lock = await lockServiceData("mongodb", folder);
    const server = await startServerProcess({
      name: "mongodb",
      command: binary.file,
      args: [],
      env: baseEnvironment({
        HOME: folder,
        FERRETDB_LISTEN: `127.0.0.1:${port}`,
        FERRETDB_POSTGRESQL_URL: backend,
      }),
      cwd: folder,
      logFile: join(context.dataDir.logDir, "mongodb.log"),
      ledger: context.dataDir.ledger,
      stopSignal: "SIGTERM",
      lock,
    }).finally(lock.release);
    try {
      const answer = await waitUntilReady(server, READY_TIMEOUT_MS, () => mongodbVersion(url));
      const version = answer.replace("FerretDB", `FerretDB ${binary.version}`);
      return { processes: [server, postgres], version };
    } catch (error) {
      await server.kill();
      throw error;
    }
  };
  const launch = async (): Promise<Launched> => {
    const { process: postgres } = await launchPostgresServer(options, context);
    try {
      await indexEveryId(postgresServerUrl(options));
      return await launchFront(postgres);
    } catch (error) {
      await postgres.kill();
      throw error;
    }
  };
  return await startPrivateService({
    name: "mongodb",
    url,
    origin: binary.origin,
    launch,
    stopBoundMs: 10_000,
    onDeath: context.onDeath,
  });
}

/**
 * FerretDB 1.24 finds a document by its `_id` with an operator (`@>`) that its own index does not serve: it
 * reads the whole collection. Here each collection that it makes gets an index that does.
 * See https://github.com/FerretDB/FerretDB/issues/4646.
 */
async function indexEveryId(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(INDEX_EVERY_ID);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const INDEX_EVERY_ID = `
  CREATE OR REPLACE FUNCTION public.index_id() RETURNS event_trigger LANGUAGE plpgsql AS $$
  DECLARE made record;
  BEGIN
    FOR made IN
      SELECT c.objid::regclass AS name FROM pg_event_trigger_ddl_commands() c
      JOIN pg_attribute a ON a.attrelid = c.objid AND a.attname = '_jsonb'
      WHERE c.object_type = 'table'
    LOOP
      EXECUTE format('CREATE INDEX ON %s USING gin ((_jsonb->''_id'') jsonb_path_ops)', made.name);
    END LOOP;
  END $$;
  DROP EVENT TRIGGER IF EXISTS index_id;
  CREATE EVENT TRIGGER index_id ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
    EXECUTE FUNCTION public.index_id();`;
