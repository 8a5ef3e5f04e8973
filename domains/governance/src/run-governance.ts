/** A governance service as a process of its own: configuration in, ports made, nothing else. */
import path from "node:path";
import {
  clusterSection,
  type Environment,
  gameSection,
  loadConfig,
  runService,
  worldSection,
} from "@hexhold/config";
import { createAmqpBus } from "@hexhold/messaging";
import { gameModuleUrl } from "@hexhold/service";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { z } from "zod";
import { governanceConfigSchema, governanceSection, start } from "./index.ts";

const root = path.resolve(import.meta.dirname, "../../..");

const schema = z.object({
  governance: governanceSection.prefault({}),
  cluster: clusterSection,
  game: gameSection,
  world: worldSection,
  /** Role hexhold_governance. */
  postgresUrl: z.url({ protocol: /^postgres(ql)?$/ }),
  rabbitmqUrl: z.url({ protocol: /^amqps?$/ }),
});

export async function runGovernance(env: Environment): Promise<void> {
  await runService("governance", env, async (defer) => {
    const config = loadConfig(schema, { configDir: path.join(root, "config"), env });
    const { instance, host, controlPort, logLevel, ...options } = config.governance;
    const logger = createLogger({ service: "governance", instance, level: logLevel });
    const bus = createAmqpBus({
      url: config.rabbitmqUrl,
      appId: `governance/${instance}`,
      trustedUsers: config.cluster.trustedUsers,
    });
    defer(() => bus.close());
    return start(
      governanceConfigSchema.parse({
        ...options,
        instance,
        controlHost: host,
        controlPort,
        controlToken: config.cluster.controlToken,
        postgresUrl: config.postgresUrl,
        game: { module: gameModuleUrl(config.game.module, root), options: config.game.options },
        resultRetentionHours: config.world.resultRetentionHours,
      }),
      { bus, routers: config.cluster.routers, logger, metrics: createMetrics() },
    );
  });
}
