/** A worker as a process of its own: configuration in, ports made, nothing else. */
import path from "node:path";
import {
  clusterSection,
  type Environment,
  gameModuleUrl,
  gameSection,
  loadConfig,
  runService,
} from "@hexhold/config";
import { createAmqpBus } from "@hexhold/messaging";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { z } from "zod";
import { createMongoSnapshotStore, start, workerConfigSchema } from "./index.ts";

const root = path.resolve(import.meta.dirname, "../..");

const schema = z.object({
  worker: z
    .strictObject({
      instance: z.string().default("worker-1"),
      host: z.string().default("127.0.0.1"),
      controlPort: z.int().min(0).max(65_535).default(0),
      logLevel: z.enum(["trace", "debug", "info", "warn", "error", "fatal"]).default("info"),
      decideMsMax: z.int().min(10).default(250),
      rulesHeapMbMax: z.int().min(32).default(512),
      snapshotEvents: z.int().min(5).max(10).default(8),
      snapshotAgeMsMax: z.int().min(100).default(10_000),
      snapshotWritesPerSMax: z.int().min(1).default(200),
      mongodbDatabase: z.string().min(1).default("world"),
    })
    .prefault({}),
  cluster: clusterSection,
  game: gameSection,
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
    const bus = createAmqpBus({ url: config.rabbitmqUrl, appId: `worker/${instance}` });
    defer(() => bus.close());
    return start(
      workerConfigSchema.parse({
        ...limits,
        instance,
        controlHost: host,
        controlToken: config.cluster.controlToken,
        postgresUrl: config.postgresUrl,
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
