/** The inventory: a double-entry ledger of what players have. */
import { type RunningDomain, startDomain } from "@hexhold/domain";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { type Bus, domainQueueCount, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { checkSchemaVersion, openConnection } from "@hexhold/postgres";
import { joinCluster, type JoinOptions, routeProcessService, startRpcServer } from "@hexhold/rpc";
import type { Logger, Metrics } from "@hexhold/telemetry";
import type { InventoryConfig } from "./inventory-config.ts";
import { messageHandlers } from "./message-handlers.ts";

export { type InventoryConfig, inventoryConfigSchema } from "./inventory-config.ts";
export { inventorySection } from "./inventory-section.ts";

/** Newest migration of schema `inventory` that this service knows. */
const schemaVersion = "0001_inventory";

/** What the composition root gives an inventory service. The bus is closed by its giver. */
export interface InventoryPorts {
  readonly bus: Bus;
  readonly routers: JoinOptions["routers"];
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface RunningInventory {
  readonly controlUrl: string;
  /** Finishes what is in hand and ends. Idempotent. */
  stop(): Promise<void>;
}

/** Starts an inventory service. Rejects when the schema is not the one it knows, and when no router takes it. */
export async function start(
  config: InventoryConfig,
  ports: InventoryPorts,
): Promise<RunningInventory> {
  const { logger, bus } = ports;
  const { instance, version, postgresUrl } = config;
  const token = config.controlToken === undefined ? {} : { token: config.controlToken };
  const incarnation = uuidText(uuidv7Bytes());
  await checkStore(config);
  const queues = Array.from({ length: domainQueueCount }, (_, n) => `cmd.inventory.${n}`);
  const ends: (() => Promise<unknown> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).toReversed()) await end();
    logger.info("inventory stopped");
  };
  let domain: RunningDomain | undefined;
  const consuming = (): number => domain?.consumingCount ?? 0;
  try {
    const control = await startRpcServer({
      host: config.controlHost,
      port: config.controlPort,
      logger,
      ...token,
      metrics: ports.metrics,
      ready: () => consuming() === queues.length,
      routes: (router) =>
        routeProcessService(router, {
          instance,
          incarnation,
          version,
          inspect: () => ({
            queues: queues.length,
            consuming: consuming(),
            bus: bus.state.mode,
          }),
        }),
    });
    ends.push(() => control.stop());
    const membership = await joinCluster({
      routers: ports.routers,
      ...token,
      instance,
      kind: ProcessKind.DOMAIN,
      controlUrl: control.url,
      incarnation,
      version,
      // It reads events of any format: their messages are compatible within a package.
      worldFormat: 1,
      amqpConnections: bus.connectionNames(),
      logger,
    });
    ends.push(() => membership.stop());
    ends.push(
      bus.onState(() => {
        void membership.setAmqpConnections(bus.connectionNames()).catch(() => undefined);
      }),
    );
    const running = startDomain({
      producer: { service: "inventory", version, instance },
      postgresUrl,
      queues,
      handlers: messageHandlers,
      bus,
      worldNow: () => membership.worldNow(),
      resultRetentionHours: config.resultRetentionHours,
      logger,
      metrics: ports.metrics,
    });
    domain = running;
    ends.push(() => running.stop());
    logger.info({ incarnation, controlUrl: control.url }, "inventory started");
    let stopping: Promise<void> | undefined;
    return { controlUrl: control.url, stop: () => (stopping ??= stop()) };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function checkStore({ postgresUrl, instance }: InventoryConfig): Promise<void> {
  const client = await openConnection({
    url: postgresUrl,
    applicationName: `inventory-start:${instance}`,
  });
  try {
    await checkSchemaVersion(client, "inventory", schemaVersion);
  } finally {
    await client.end();
  }
}
