import { once } from "node:events";
import path from "node:path";
import { ConfigError, type Environment, exitWhenParentGone } from "@hexhold/config";
import { createAmqpBus } from "@hexhold/messaging";
import { createLogger } from "@hexhold/telemetry";
import { readRouterConfig } from "./config.ts";
import { start } from "./start.ts";

/** Of the repository, which is released as a whole. */
const version = "0.1.0";

/**
 * Runs a router as a process of its own until SIGTERM or SIGINT, or until the process that started it is
 * gone. Sets the exit code: 0 after a clean stop, 1 when it could not start.
 */
export async function runRouter(env: Environment): Promise<void> {
  const configDir = path.resolve(import.meta.dirname, "../../config");
  try {
    const config = readRouterConfig({ configDir, env }, version);
    const { instance, logLevel } = config;
    const logger = createLogger({ service: "router", instance, level: logLevel });
    const asked = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
    const endWatch = exitWhenParentGone({ env });
    const url = env["HEXHOLD_RABBITMQ_URL"];
    const bus = url === undefined ? undefined : createAmqpBus({ url, appId: `router/${instance}` });
    try {
      const router = await start(config, bus === undefined ? { logger } : { logger, bus });
      await asked;
      logger.info("router is stopping");
      await router.stop();
    } finally {
      endWatch();
      await bus?.close();
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`router: ${message}\n`);
    if (!(error instanceof ConfigError) && env["HEXHOLD_DEBUG"] !== undefined) throw error;
    process.exitCode = 1;
  }
}
