import path from "node:path";
import { type Environment, runService } from "@hexhold/config";
import { createAmqpBus } from "@hexhold/messaging";
import { createLogger } from "@hexhold/telemetry";
import { readRouterConfig } from "./config.ts";
import { start } from "./start.ts";

/** Of the repository, which is released as a whole. */
const version = "0.1.0";

/** Runs a router as a process of its own; see `runService`. */
export async function runRouter(env: Environment): Promise<void> {
  const configDir = path.resolve(import.meta.dirname, "../../config");
  await runService("router", env, async (defer) => {
    const config = readRouterConfig({ configDir, env }, version);
    const { instance, logLevel } = config;
    const logger = createLogger({ service: "router", instance, level: logLevel });
    const url = env["HEXHOLD_RABBITMQ_URL"];
    if (url === undefined) return start(config, { logger });
    const bus = createAmqpBus({ url, appId: `router/${instance}` });
    defer(() => bus.close());
    return start(config, { logger, bus });
  });
}
