import { freePort } from "./free-ports.ts";
import { findPostgresBinaries } from "./postgres-binaries.ts";
import { majorOfData, postgresDataFolder } from "./postgres-cluster.ts";
import {
  launchPostgresServer,
  postgresServerUrl,
  type PostgresServerOptions,
} from "./postgres-server.ts";
import { startPrivateService, type ServiceHandle } from "./service-handle.ts";
import type { StartContext } from "./start-context.ts";

/** The world's PostgreSQL. The URL is a superuser's, of the database `hexhold`. */
export async function startPostgres(context: StartContext): Promise<ServiceHandle> {
  const data = postgresDataFolder(context.dataDir.path, "postgres");
  const binaries = await findPostgresBinaries(context, majorOfData(data));
  const options: PostgresServerOptions = {
    name: "postgres",
    folderName: "postgres",
    port: await freePort(),
    password: context.secrets.postgres,
    database: "hexhold",
    binaries,
    settings: {
      max_connections: 200,
      shared_buffers: "256MB",
      // A checkpoint forced by volume in the middle of a run would show as a latency peak.
      max_wal_size: "2GB",
    },
  };
  context.report("starting", binaries.origin);
  return await startPrivateService({
    name: "postgres",
    url: postgresServerUrl(options),
    origin: binaries.origin,
    async launch() {
      const { process, version } = await launchPostgresServer(options, context);
      return { processes: [process], version };
    },
    stopBoundMs: 10_000,
    onDeath: context.onDeath,
  });
}
