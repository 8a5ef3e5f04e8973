import { randomBytes } from "node:crypto";
import { type ConfigSources, environmentName, loadConfig, logLevelOption } from "@hexhold/config";
import { vhostOf } from "@hexhold/messaging";
import type { LogLevel } from "@hexhold/telemetry";
import { z } from "zod";
import type { WorldIdentity } from "./world-settings.ts";

/** Everything that a router is told at its start. */
export interface RouterConfig {
  /** Name of the process, unique in the cluster. */
  readonly instance: string;
  /** Version of the software. */
  readonly version: string;
  readonly host: string;
  /** For all other processes; 0 = any free one. */
  readonly controlPort: number;
  /** For operators; never another one: its token would go to whoever has it. Beside other routers it is waited for, 5 s. 0 = any. */
  readonly adminPort: number;
  readonly controlToken: string;
  readonly adminToken: string;
  readonly leaseTtlMs: number;
  /** After the set of workers has changed, no slot moves between the living for so long. */
  readonly rebalanceDelayMs: number;
  readonly logLevel: LogLevel;
  /** Logs in as hexhold_router. */
  readonly postgresUrl: string;
  /** Undefined: leases live in this process, which must be the only router then. */
  readonly redis?: { readonly url: string; readonly prefix: string };
  /** Undefined: no queue depths, and no connections closed for an expired owner. */
  readonly rabbitmq?: { readonly managementUrl: string; readonly vhost: string };
  /** What must be equal across a cluster. */
  readonly world: WorldIdentity;
}

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "lower-case letters, digits and -");
const port = z.int().min(0).max(65_535);
const secret = z.string().min(16);

/** What operators may set of a router. */
export const routerSection = z.strictObject({
  instance: name.default("router-1"),
  host: z.string().min(1).default("127.0.0.1"),
  controlPort: port.default(0),
  adminPort: port.default(7601),
  adminToken: secret.optional(),
  leaseTtlMs: z.int().min(500).max(60_000).default(10_000),
  rebalanceDelayMs: z.int().min(0).max(600_000).default(3_000),
  logLevel: logLevelOption,
  redisPrefix: z.string().max(64).default(""),
});

/** The sections of the configuration that a router reads; options of other processes are left alone. */
const schema = z.object({
  router: routerSection.prefault({}),
  cluster: z.object({ controlToken: secret.optional() }).prefault({}),
  world: z.object({
    partitions: z
      .int()
      .min(8)
      .max(64)
      .refine((count) => (count & (count - 1)) === 0, "a power of two, 8…64"),
    game: z.string().min(1).optional(),
    worldFormat: z.int().min(1).optional(),
  }),
  postgresUrl: z.url({ protocol: /^postgres(ql)?$/ }),
  redisUrl: z.url({ protocol: /^rediss?$/ }).optional(),
  rabbitmqUrl: z.url({ protocol: /^amqps?$/ }).optional(),
  rabbitmqManagementUrl: z.url({ protocol: /^https?$/ }).optional(),
});

/**
 * Reads the configuration of a router of its own process. Without tokens, a development router makes
 * some that nobody knows; in production they must be given.
 */
export function readRouterConfig(sources: ConfigSources, version: string): RouterConfig {
  const production = environmentName(sources.env) === "prod";
  const needed = production
    ? schema.refine(
        ({ router, cluster }) =>
          router.adminToken !== undefined && cluster.controlToken !== undefined,
        "in production router.adminToken and cluster.controlToken must be given",
      )
    : schema;
  const { router, cluster, world, ...urls } = loadConfig(needed, sources);
  const { adminToken = randomToken(), redisPrefix, ...own } = router;
  return {
    ...own,
    version,
    adminToken,
    controlToken: cluster.controlToken ?? randomToken(),
    world,
    postgresUrl: urls.postgresUrl,
    ...(urls.redisUrl === undefined ? {} : { redis: { url: urls.redisUrl, prefix: redisPrefix } }),
    ...(urls.rabbitmqManagementUrl === undefined
      ? {}
      : {
          rabbitmq: {
            managementUrl: urls.rabbitmqManagementUrl,
            vhost: vhostOf(urls.rabbitmqUrl),
          },
        }),
  };
}

function randomToken(): string {
  return randomBytes(24).toString("base64url");
}
