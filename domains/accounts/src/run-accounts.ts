/** The accounts service as a process of its own: configuration in, ports made, nothing else. */
import path from "node:path";
import {
  clusterSection,
  type Environment,
  loadConfig,
  runService,
  worldSection,
} from "@hexhold/config";
import { createAmqpBus } from "@hexhold/messaging";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { z } from "zod";
import { accountsConfigSchema, accountsSection, start } from "./index.ts";

const root = path.resolve(import.meta.dirname, "../../..");

const schema = z.object({
  accounts: accountsSection
    .extend({ keyDirectory: z.string().min(1) })
    .prefault({ keyDirectory: "" }),
  cluster: clusterSection,
  world: worldSection,
  /** Role hexhold_accounts. */
  postgresUrl: z.url({ protocol: /^postgres(ql)?$/ }),
  rabbitmqUrl: z.url({ protocol: /^amqps?$/ }),
});

export async function runAccounts(env: Environment): Promise<void> {
  await runService("accounts", env, async (defer) => {
    const config = loadConfig(schema, { configDir: path.join(root, "config"), env });
    const { logLevel, ...rest } = config.accounts;
    const { instance } = rest;
    const logger = createLogger({ service: "accounts", instance, level: logLevel });
    const bus = createAmqpBus({
      url: config.rabbitmqUrl,
      appId: `accounts/${instance}`,
      trustedUsers: config.cluster.trustedUsers,
    });
    defer(() => bus.close());
    return start(
      accountsConfigSchema.parse({
        ...rest,
        controlToken: config.cluster.controlToken,
        postgresUrl: config.postgresUrl,
        spawnCells: config.world.spawn.cells,
        worldBounds: config.world.bounds,
        resultRetentionHours: config.world.resultRetentionHours,
      }),
      { bus, routers: config.cluster.routers, logger, metrics: createMetrics() },
    );
  });
}
