import { causesOf, codeOf } from "@hexhold/config";
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
    const variable = `HEXHOLD_${name.toUpperCase()}_URL`;
    throw new Error(
      `${name} at ${withoutPassword(url)} ${refusalOf(error)}. The address is from ${variable}; ` +
        `without it a private ${name} is started.`,
      { cause: error },
    );
  }
}

/** PostgreSQL's SQLSTATEs and the operating system's codes, as what one can do something about. */
const refusals: Readonly<Record<string, string>> = {
  "28P01": "refuses the password, or has no such user",
  "28000": "does not let this user in from here (pg_hba.conf)",
  "3D000": "has no database of that name",
  "53300": "has no connection left for us",
  "57P03": "does not take connections now (it starts, stops or recovers)",
  "42501": "does not give this user the rights it needs",
  ECONNREFUSED: "does not answer: nothing listens there",
  ENOTFOUND: "does not answer: there is no host of that name",
  EAI_AGAIN: "does not answer: the name of its host cannot be resolved now",
  ETIMEDOUT: "does not answer in time",
  EHOSTUNREACH: "does not answer: there is no way to that host",
  ECONNRESET: "ends the connection at once",
};

/** Drivers without codes for it. */
const passwordTexts =
  /WRONGPASS|NOAUTH|ACCESS.REFUSED|authentication failed|auth(orization)? failed/i;

function refusalOf(error: unknown): string {
  const causes = causesOf(error);
  const texts = causes.map((each) => (each instanceof Error ? each.message : String(each)));
  const code = causes.map(codeOf).find((each) => each !== undefined && each in refusals);
  const detail = texts.find((text) => text !== "") ?? "no reason was given";
  if (code !== undefined) return `${refusals[code]} (${detail})`;
  if (texts.some((text) => passwordTexts.test(text))) {
    return `refuses the password, or has no such user (${detail})`;
  }
  return `does not answer (${detail})`;
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
