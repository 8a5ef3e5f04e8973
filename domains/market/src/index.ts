/** The market: books of limit orders, one for each asset, whose escrow and settlement are the inventory's. */
import { createTopicPublisher, type RunningDomain, startDomain } from "@hexhold/domain";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { file_hexhold_market_v1_events } from "@hexhold/gen/hexhold/market/v1/events_pb";
import { queuesOfService } from "@hexhold/messaging";
import { checkSchemaVersion, openPool, textArray, withConnection } from "@hexhold/postgres";
import { type RunningService, type ServicePorts, startService } from "@hexhold/service";
import { createMarket, marketDescriptors } from "./create-market.ts";
import { startHistoryPruning } from "./history.ts";
import type { MarketConfig } from "./market-config.ts";
import { createMarketMetrics } from "./market-metrics.ts";
import { countReserving } from "./store/count-reserving.ts";

export type { RunningService as RunningMarket } from "@hexhold/service";
export { type MarketConfig, marketConfigSchema } from "./market-config.ts";
export { marketSection } from "./market-section.ts";

/** What waits in a queue becomes one transaction. */
const togetherMax = 16;

/** Newest migration of schema `market` that this service knows. */
const schemaVersion = "0003_auditor";

/**
 * Starts a market service, which makes the books that it is told and that are not there yet. Rejects when the schema is not
 * the one it knows, and when no router takes it.
 */
export function start(config: MarketConfig, ports: ServicePorts): Promise<RunningService> {
  const { bus, logger } = ports;
  const { instance, version, postgresUrl, controlPort, controlToken } = config;
  const host = config.controlHost;
  const identity = { name: "market", instance, version, host, controlPort, controlToken, ports };
  return startService(identity, async (service) => {
    await prepareStore(config);
    const queues = queuesOfService("market");
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
    const membership = await service.join({ kind: ProcessKind.DOMAIN });
    const worldNow = (): number => membership.worldNow();
    const producer = { service: "market", version, instance };
    const pool = openPool({ url: postgresUrl, applicationName: `market-looks:${instance}` }, 1);
    service.unwind.add("pool", () => pool.end());
    const metrics = createMarketMetrics(ports.metrics, (gauge) =>
      countReserving(pool, gauge, worldNow()),
    );
    const topics = createTopicPublisher({
      bus,
      producer,
      descriptors: [file_hexhold_market_v1_events],
      worldNow,
      logger,
      metrics: ports.metrics,
    });
    service.unwind.add("topics", () => topics.stop());
    const market = createMarket(config, { worldNow, logger, metrics, topics });
    service.unwind.add("books", () => market.books.stop());
    const running = startDomain({
      producer,
      postgresUrl,
      queues,
      togetherMax,
      descriptors: marketDescriptors,
      handlers: market.handlers,
      timers: market.timers,
      outbox: market.outbox,
      newWork: () => market.newWork(),
      bus,
      worldNow,
      resultRetentionHours: config.resultRetentionHours,
      logger,
      metrics: ports.metrics,
    });
    begun.domain = running;
    service.unwind.add("domain", () => running.stop());
    const pruning = startHistoryPruning({
      pool,
      keepDays: config.tradesKeepDays,
      worldNow,
      logger,
    });
    service.unwind.add("pruning", () => pruning.stop());
  });
}

function prepareStore({ postgresUrl, instance, books }: MarketConfig): Promise<void> {
  return withConnection(
    { url: postgresUrl, applicationName: `market-start:${instance}` },
    async (client) => {
      await checkSchemaVersion(client, "market", schemaVersion);
      await client.query("SELECT market.add_books($1)", [textArray(books)]);
    },
  );
}
