/** A worker as a process of its own: configuration in, ports made, nothing else. */
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
import { createMongoSnapshotStore, start, workerConfigSchema, workerSection } from "./index.ts";

const root = path.resolve(import.meta.dirname, "../..");

const schema = z.object({
  worker: workerSection.prefault({}),
  cluster: clusterSection,
  game: gameSection,
  world: worldSection,
  /** Role hexhold_worker. */
  postgresUrl: z.url({ protocol: /^postgres(ql)?$/ }),
  rabbitmqUrl: z.url({ protocol: /^amqps?$/ }),
  mongodbUrl: z.url({ protocol: /^mongodb(\+srv)?$/ }),
});

export async function runWorker(env: Environment): Promise<void> {
  await runService("worker", env, async (defer) => {
    const config = loadConfig(schema, { configDir: path.join(root, "config"), env });
    const { instance, host, logLevel, mongodbDatabase, ...limits } = config.worker;
    const logger = createLogger({ service: "worker", instance, level: logLevel });
    const bus = createAmqpBus({
      url: config.rabbitmqUrl,
      appId: `worker/${instance}`,
      trustedUsers: config.cluster.trustedUsers,
    });
    defer(() => bus.close());
    return start(
      workerConfigSchema.parse({
        ...limits,
        instance,
        controlHost: host,
        controlToken: config.cluster.controlToken,
        postgresUrl: config.postgresUrl,
        resultRetentionHours: config.world.resultRetentionHours,
        world: { bounds: config.world.bounds, layers: config.world.layers },
        game: { module: gameModuleUrl(config.game.module, root), options: config.game.options },
      }),
      {
        bus,
        routers: config.cluster.routers,
        snapshots: createMongoSnapshotStore({ url: config.mongodbUrl, database: mongodbDatabase }),
        logger,
        metrics: createMetrics(),
      },
    );
  });
}
