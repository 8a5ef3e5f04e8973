/** The inventory: a double-entry ledger of what players have, its escrow, and trade between them. */
import {
  createOutbox,
  createTopicPublisher,
  type RunningDomain,
  startDomain,
} from "@hexhold/domain";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { file_hexhold_accounts_v1_events } from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { file_hexhold_inventory_v1_commands } from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import { file_hexhold_inventory_v1_events } from "@hexhold/gen/hexhold/inventory/v1/events_pb";
import { file_hexhold_inventory_v1_holds } from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import { file_hexhold_inventory_v1_takes } from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import { file_hexhold_takes_v1_takes } from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { file_hexhold_inventory_v1_trades } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { file_hexhold_market_v1_steps } from "@hexhold/gen/hexhold/market/v1/steps_pb";
import { createProducerRoutes, queuesOfService } from "@hexhold/messaging";
import { checkSchemaVersion, openPool, withConnection } from "@hexhold/postgres";
import { loadGame, type RunningService, type ServicePorts, startService } from "@hexhold/service";
import type { InventoryConfig } from "./inventory-config.ts";
import { createInventoryHandlers } from "./inventory-handlers.ts";
import { createInventoryMetrics } from "./inventory-metrics.ts";
import { countHolds } from "./ledger/count-holds.ts";
import { ledgerEventsOf } from "./rules/ledger-events.ts";

export type { RunningService as RunningInventory } from "@hexhold/service";
export { type InventoryConfig, inventoryConfigSchema } from "./inventory-config.ts";
export { inventorySection } from "./inventory-section.ts";
export { type LedgerEvent, ledgerEventsOf } from "./rules/ledger-events.ts";

/** What waits in a queue becomes one transaction. */
const togetherMax = 16;

/** Newest migration of schema `inventory` that this service knows. */
const schemaVersion = "0007_auditor";

/** Everything that it is sent, and that it sends, beside the game's events. */
const contracts = [
  file_hexhold_accounts_v1_events,
  file_hexhold_inventory_v1_commands,
  file_hexhold_inventory_v1_holds,
  file_hexhold_inventory_v1_takes,
  file_hexhold_takes_v1_takes,
  file_hexhold_inventory_v1_trades,
];

/**
 * Starts an inventory service. Rejects when the game cannot be loaded or is another one than the world's, when the
 * schema is not the one it knows, and when no router takes it.
 */
export function start(config: InventoryConfig, ports: ServicePorts): Promise<RunningService> {
  const { bus, logger, metrics } = ports;
  const { instance, version, postgresUrl, controlPort, controlToken } = config;
  const host = config.controlHost;
  const identity = { name: "inventory", instance, version, host, controlPort, controlToken, ports };
  return startService(identity, async (service) => {
    const game = await loadGame({ module: config.game.module, options: config.game.options });
    const events = ledgerEventsOf(game);
    await checkStore(config);
    const queues = queuesOfService("inventory");
    // Consumes only once it is a member; its server, which tells, is there before.
    const begun: { domain?: RunningDomain } = {};
    const consuming = (): number => begun.domain?.consumingCount ?? 0;
    await service.serve({
      askPostgres: async () => begun.domain?.askPostgres(),
      missing: () =>
        consuming() === queues.length
          ? []
          : [`queues: ${consuming()} of ${queues.length} are consumed`],
      inspect: () => ({
        queues: queues.length,
        consuming: consuming(),
        bus: bus.state.mode,
      }),
    });
    // It reads events of any format: their messages are compatible within a package.
    const routes = createProducerRoutes();
    const membership = await service.join({
      kind: ProcessKind.DOMAIN,
      worldFormat: game.worldFormat,
      game,
      routes,
    });
    const producer = { service: "inventory", version, instance };
    const worldNow = (): number => membership.worldNow();
    const outbox = createOutbox({
      producer,
      descriptors: [...contracts, file_hexhold_market_v1_steps],
      worldNow,
    });
    const { offersMax, tradeMinAgeHours, plaques } = config;
    const pool = openPool({ url: postgresUrl, applicationName: `inventory-looks:${instance}` }, 1);
    service.unwind.add("pool", () => pool.end());
    const topics = createTopicPublisher({
      bus,
      producer,
      descriptors: [file_hexhold_inventory_v1_events],
      worldNow,
      logger,
      metrics,
    });
    service.unwind.add("topics", () => topics.stop());
    const context = {
      outbox,
      topics,
      worldNow,
      rules: { offersMax, tradeMinAgeHours, plaques },
      logger,
      metrics: createInventoryMetrics(metrics, (gauge) => countHolds(pool, gauge)),
    };
    const running = startDomain({
      producer,
      postgresUrl,
      queues,
      togetherMax,
      descriptors: [...game.descriptors, ...contracts],
      ...createInventoryHandlers(context, events),
      outbox,
      routes,
      bus,
      worldNow,
      resultRetentionHours: config.resultRetentionHours,
      logger,
      metrics,
    });
    begun.domain = running;
    service.unwind.add("domain", () => running.stop());
  });
}

function checkStore({ postgresUrl, instance }: InventoryConfig): Promise<void> {
  return withConnection(
    { url: postgresUrl, applicationName: `inventory-start:${instance}` },
    (client) => checkSchemaVersion(client, "inventory", schemaVersion),
  );
}
