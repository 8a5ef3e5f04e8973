/** Governance: what players have done for hexes, and elections of the hexes' owners. */
import { createTopicPublisher, type RunningDomain, startDomain } from "@hexhold/domain";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { file_hexhold_governance_v1_events } from "@hexhold/gen/hexhold/governance/v1/events_pb";
import { createProducerRoutes, queuesOfService } from "@hexhold/messaging";
import { checkSchemaVersion, openPool, withConnection } from "@hexhold/postgres";
import { loadGame, type RunningService, type ServicePorts, startService } from "@hexhold/service";
import { createGovernance, governanceDescriptors } from "./create-governance.ts";
import type { GovernanceConfig } from "./governance-config.ts";
import { createGovernanceMetrics } from "./governance-metrics.ts";
import { standingEventsOf } from "./rules/standing-events.ts";
import { countOpen, countUnapplied } from "./store/count-open.ts";

export type { RunningService as RunningGovernance } from "@hexhold/service";
export { type GovernanceConfig, governanceConfigSchema } from "./governance-config.ts";
export { governanceSection } from "./governance-section.ts";
export { dayOf, faded, type Points, pointsAt, type Worth } from "./rules/points.ts";
export { type StandingEvent, standingEventsOf } from "./rules/standing-events.ts";

/** Newest migration of schema `governance` that this service knows. */
const schemaVersion = "0001_governance";

/** Queue messages in hand; other instances read the same queue. */
const inHandMax = 16;

/** The world's points have faded by another rule than the one that is configured. */
export class FadeDiffersError extends Error {
  readonly code = "FADE_DIFFERS";
  constructor(stored: number, given: number) {
    super(
      `governance.fadePerMille is ${given}, and the points of this world fade by ${stored}: it is fixed when a world begins`,
    );
    this.name = "FadeDiffersError";
  }
}

/**
 * Starts a governance service. Rejects when the game cannot be loaded, when the schema is not the one it knows, when points
 * of this world fade otherwise, and when no router takes it.
 */
export function start(config: GovernanceConfig, ports: ServicePorts): Promise<RunningService> {
  const { bus, logger } = ports;
  const { instance, version, postgresUrl, controlPort, controlToken } = config;
  const host = config.controlHost;
  const identity = {
    name: "governance",
    instance,
    version,
    host,
    controlPort,
    controlToken,
    ports,
  };
  return startService(identity, async (service) => {
    const game = await loadGame({ module: config.game.module, options: config.game.options });
    const events = standingEventsOf(game);
    await prepareStore(config);
    const queues = queuesOfService("governance");
    // Consumes only once it is a member; its server, which tells, is there before.
    const begun: { domain?: RunningDomain } = {};
    const consuming = (): number => begun.domain?.consumingCount ?? 0;
    await service.serve({
      askPostgres: async () => begun.domain?.askPostgres(),
      missing: () =>
        consuming() === queues.length
          ? []
          : [`queues: ${consuming()} of ${queues.length} are consumed`],
      inspect: () => ({ queues: queues.length, consuming: consuming(), bus: bus.state.mode }),
    });
    const routes = createProducerRoutes();
    const membership = await service.join({
      kind: ProcessKind.DOMAIN,
      worldFormat: game.worldFormat,
      game,
      routes,
    });
    const worldNow = (): number => membership.worldNow();
    const producer = { service: "governance", version, instance };
    const pool = openPool({ url: postgresUrl, applicationName: `governance-looks:${instance}` }, 1);
    service.unwind.add("pool", () => pool.end());
    const metrics = createGovernanceMetrics(ports.metrics, {
      open: (gauge) => countOpen(pool, gauge),
      unapplied: (gauge) => countUnapplied(pool, gauge, worldNow()),
    });
    const topics = createTopicPublisher({
      bus,
      producer,
      descriptors: [file_hexhold_governance_v1_events],
      worldNow,
      logger,
      metrics: ports.metrics,
    });
    service.unwind.add("topics", () => topics.stop());
    const governance = createGovernance(config, events, { worldNow, logger, metrics, topics });
    const running = startDomain({
      producer,
      postgresUrl,
      queues,
      inHandMax,
      descriptors: [...new Set([...game.descriptors, ...governanceDescriptors])],
      handlers: governance.handlers,
      timers: governance.timers,
      outbox: governance.outbox,
      newWork: () => governance.newWork(),
      routes,
      bus,
      worldNow,
      resultRetentionHours: config.resultRetentionHours,
      logger,
      metrics: ports.metrics,
    });
    begun.domain = running;
    service.unwind.add("domain", () => running.stop());
  });
}

function prepareStore({ postgresUrl, instance, fadePerMille }: GovernanceConfig): Promise<void> {
  return withConnection(
    { url: postgresUrl, applicationName: `governance-start:${instance}` },
    async (client) => {
      await checkSchemaVersion(client, "governance", schemaVersion);
      const { rows } = await client.query<{ fade: number }>(
        "SELECT governance.keep_fade($1) AS fade",
        [fadePerMille],
      );
      const [row] = rows;
      if (row !== undefined && row.fade !== fadePerMille) {
        throw new FadeDiffersError(row.fade, fadePerMille);
      }
    },
  );
}
