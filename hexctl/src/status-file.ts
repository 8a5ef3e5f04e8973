/**
 * The status file: what runs for a data directory and how to reach it. Other programs read
 * it (tests, bots, the bench), so its format is a contract: `format` is raised by a change
 * that readers could not survive.
 */
import { rmSync } from "node:fs";
import { readIfThere } from "@hexhold/config";
import { z } from "zod";
import { writeFileWhole } from "@hexhold/local-stack";

const serviceSchema = z.object({
  /** With user and password: the file is readable by its owner only. */
  url: z.string(),
  /** Absent for a service that was given by URL. */
  pid: z.int().positive().optional(),
  /** As the server says, e.g. `PostgreSQL 15.20`. */
  version: z.string(),
  /** RabbitMQ's HTTP API, with user and password; absent where it is not known. */
  managementUrl: z.string().optional(),
});

const statusSchema = z.object({
  format: z.literal(1),
  /** False while it starts and while it stops. */
  ready: z.boolean(),
  /** `services`: `hexctl up`, the services alone. */
  profile: z.enum(["embedded", "cluster", "services"]),
  /** ISO 8601. */
  startedAt: z.string(),
  /** Of the host: what `hexctl stop` ends. */
  pid: z.int().positive(),
  /** Who the world is, as its database says; absent until that is known, and without a world (`services`). */
  world: z.object({ worldId: z.string(), historyId: z.string() }).optional(),
  /** Each absent until it listens. */
  endpoints: z.object({
    ws: z.string().optional(),
    http: z.string().optional(),
    admin: z.string().optional(),
  }),
  /** Bearer token of the admin port; absent until there is one. */
  adminToken: z.string().optional(),
  sql: z.object({ readOnlyUrl: z.string().optional() }),
  services: z.object({
    postgres: serviceSchema.optional(),
    rabbitmq: serviceSchema.optional(),
    redis: serviceSchema.optional(),
    mongodb: serviceSchema.optional(),
  }),
  /** Processes of the product in the cluster profile. */
  processes: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      pid: z.int().positive(),
      controlUrl: z.string().optional(),
      /** Gateways: where players connect. */
      url: z.string().optional(),
    }),
  ),
  /** Processes that died last time by themselves, and have not lived on since; absent: none. */
  failing: z
    .array(
      z.object({
        name: z.string(),
        /** How often it has died so. */
        deaths: z.int().positive(),
        /** A sentence, with what it printed last. */
        reason: z.string(),
      }),
    )
    .optional(),
});

export type Status = z.infer<typeof statusSchema>;

/** Writes it whole, mode 0600. */
export function writeStatus(file: string, status: Status): void {
  const checked = statusSchema.parse(status);
  writeFileWhole(file, `${JSON.stringify(checked, undefined, 2)}\n`);
}

/** What the file says, or `undefined` when there is none. A file of another format is an error. */
export function readStatus(file: string): Status | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const parsed = statusSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new Error(
      `${file} is damaged, or of another version of hexctl: stop the world with hexctl stop, and start it again ` +
        `to have it written anew. ${z.prettifyError(parsed.error)}`,
    );
  }
  return parsed.data;
}

/** At a clean stop. */
export function removeStatus(file: string): void {
  rmSync(file, { force: true });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
