import path from "node:path";
import { type Environment, releaseVersion, runService } from "@hexhold/config";
import { createAmqpBus } from "@hexhold/messaging";
import { createLogger } from "@hexhold/telemetry";
import { readRouterConfig } from "./config.ts";
import { startCampaign } from "./leadership/campaign.ts";
import { start } from "./start.ts";

/** Runs a router as a process of its own; see `runService`. */
export async function runRouter(env: Environment): Promise<void> {
  const configDir = path.resolve(import.meta.dirname, "../../config");
  await runService("router", env, async (defer) => {
    const config = readRouterConfig({ configDir, env }, releaseVersion);
    const { instance, logLevel } = config;
    const logger = createLogger({ service: "router", instance, level: logLevel });
    const url = env["HEXHOLD_RABBITMQ_URL"];
    if (url === undefined) return startCampaign(config, logger, () => start(config, { logger }));
    const bus = createAmqpBus({ url, appId: `router/${instance}` });
    defer(() => bus.close());
    return startCampaign(config, logger, () => start(config, { logger, bus }));
  });
}
