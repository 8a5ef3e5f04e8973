/** A gateway as a process of its own: configuration in, ports made, nothing else. */
import path from "node:path";
import {
  booksOption,
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
import { gatewayConfigSchema, gatewaySection, start } from "./index.ts";

const root = path.resolve(import.meta.dirname, "../..");

const schema = z.object({
  gateway: gatewaySection
    /** JWKS document; usually given by HEXHOLD_GATEWAY__TOKEN_KEYS_FILE. */
    .extend({ tokenKeys: z.string().min(1).optional() })
    .prefault({}),
  cluster: clusterSection,
  game: gameSection,
  market: z.object({ books: booksOption }).prefault({}),
  world: worldSection,
  rabbitmqUrl: z.url({ protocol: /^amqps?$/ }),
});

export async function runGateway(env: Environment): Promise<void> {
  await runService("gateway", env, async (defer) => {
    const config = loadConfig(schema, { configDir: path.join(root, "config"), env });
    const { instance, host, port, logLevel, ...rest } = config.gateway;
    const logger = createLogger({ service: "gateway", instance, level: logLevel });
    const bus = createAmqpBus({
      url: config.rabbitmqUrl,
      appId: `gateway/${instance}`,
      trustedUsers: config.cluster.trustedUsers,
    });
    defer(() => bus.close());
    return start(
      gatewayConfigSchema.parse({
        ...rest,
        instance,
        host,
        port,
        controlHost: host,
        controlToken: config.cluster.controlToken,
        game: { module: gameModuleUrl(config.game.module, root), options: config.game.options },
        books: config.market.books,
        worldBounds: config.world.bounds,
        worldLayers: config.world.layers,
        resultRetentionHours: config.world.resultRetentionHours,
      }),
      { bus, routers: config.cluster.routers, logger, metrics: createMetrics() },
    );
  });
}
