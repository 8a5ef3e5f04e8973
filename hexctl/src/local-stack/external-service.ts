import { Client } from "pg";
import { mongodbVersion } from "./mongodb-version.ts";
import { rabbitmqVersion } from "./rabbitmq.ts";
import { redisVersion } from "./redis.ts";
import {
  externalService,
  withoutPassword,
  type ServiceHandle,
  type ServiceName,
} from "./service-handle.ts";

/** The handle of a service that was given by URL, after it has answered once. */
export async function probeExternal(name: ServiceName, url: string): Promise<ServiceHandle> {
  try {
    return externalService(name, url, await PROBES[name](url));
  } catch (error) {
    throw new Error(
      `${name} does not answer at ${withoutPassword(url)} (from HEXHOLD_${name.toUpperCase()}_URL ` +
        `or the configuration). Start it there, or remove the URL to get a private one.`,
      { cause: error },
    );
  }
}

const PROBES: Record<ServiceName, (url: string) => Promise<string>> = {
  postgres: postgresVersion,
  rabbitmq: rabbitmqVersion,
  redis: redisVersion,
  mongodb: mongodbVersion,
};

async function postgresVersion(url: string): Promise<string> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const answer = await client.query<{ server_version: string }>("show server_version");
    return `PostgreSQL ${answer.rows[0]?.server_version.split(" ")[0] ?? "?"}`;
  } finally {
    await client.end();
  }
}
