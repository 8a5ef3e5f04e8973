/** A chat service as a process of its own: configuration in, ports made, nothing else. */
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
import { chatConfigSchema, chatSection, start } from "./index.ts";

const root = path.resolve(import.meta.dirname, "../../..");

const schema = z.object({
  chat: chatSection.prefault({}),
  cluster: clusterSection,
  world: worldSection,
  /** Role hexhold_chat. */
  postgresUrl: z.url({ protocol: /^postgres(ql)?$/ }),
  rabbitmqUrl: z.url({ protocol: /^amqps?$/ }),
});

export async function runChat(env: Environment): Promise<void> {
  await runService("chat", env, async (defer) => {
    const config = loadConfig(schema, { configDir: path.join(root, "config"), env });
    const { instance, host, controlPort, logLevel, ...options } = config.chat;
    const logger = createLogger({ service: "chat", instance, level: logLevel });
    const bus = createAmqpBus({
      url: config.rabbitmqUrl,
      appId: `chat/${instance}`,
      trustedUsers: config.cluster.trustedUsers,
    });
    defer(() => bus.close());
    return start(
      chatConfigSchema.parse({
        ...options,
        instance,
        controlHost: host,
        controlPort,
        controlToken: config.cluster.controlToken,
        postgresUrl: config.postgresUrl,
        resultRetentionHours: config.world.resultRetentionHours,
      }),
      { bus, routers: config.cluster.routers, logger, metrics: createMetrics() },
    );
  });
}
