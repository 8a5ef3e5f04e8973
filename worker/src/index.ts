/** A worker: hosts the hex actors of the slots that it owns. */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { file_hexhold_control_v1_dead_letter } from "@hexhold/gen/hexhold/control/v1/dead_letter_pb";
import { file_hexhold_hex_v1_timer } from "@hexhold/gen/hexhold/hex/v1/timer_pb";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import {
  type Bus,
  createMessageRegistry,
  type RouteTable,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { checkSchemaVersion, openConnection, openPool } from "@hexhold/postgres";
import { joinCluster, type JoinOptions, routeProcessService, startRpcServer } from "@hexhold/rpc";
import type { Logger, Metrics } from "@hexhold/telemetry";
import { startPassivator } from "./actor/passivator.ts";
import { createHotHexes } from "./hot-hexes.ts";
import { inspectHex } from "./inspect-hex.ts";
import { loadGame } from "./load-game.ts";
import { createInlineRulesHost } from "./rules/rules-hosts/inline.ts";
import { createThreadRulesHost } from "./rules/rules-hosts/thread.ts";
import type { RulesHost } from "./rules/rules-host.ts";
import { readRecovery } from "./journal/recovery.ts";
import { RulesThreadPool } from "./rules/rules-thread-pool.ts";
import { GroupCommit } from "./slot/group-commit.ts";
import { handBack } from "./slot/hand-back.ts";
import { groupConnectionName } from "./slot/ownership.ts";
import { createReplySender } from "./slot/reply-sender.ts";
import { createSpareConnections } from "./slot/spare-connections.ts";
import { SlotRunner } from "./slot/slot-runner.ts";
import type { SlotPorts } from "./slot/slot-ports.ts";
import { guardLoad } from "./snapshot/guarded-load.ts";
import type { SnapshotStore } from "./snapshot/snapshot-store.ts";
import { startSnapshotWriter } from "./snapshot/snapshot-writer.ts";
import { createOutboxSender } from "./outbox/outbox-sender.ts";
import { createViewPublisher } from "./view/view-publisher.ts";
import type { WorkerConfig } from "./worker-config.ts";
import { createWorkerMetrics } from "./worker-metrics.ts";

export { loadGame } from "./load-game.ts";
export { createMongoSnapshotStore } from "./snapshot/snapshot-stores/mongodb.ts";
export { createPostgresSnapshotStore } from "./snapshot/snapshot-stores/postgres.ts";
export type { Snapshot, SnapshotPlace, SnapshotStore } from "./snapshot/snapshot-store.ts";
export { type WorkerConfig, workerConfigSchema } from "./worker-config.ts";
export { workerSection } from "./worker-section.ts";

/** Newest migration of schema `world` that this worker knows. */
const schemaVersion = "0003_attempts";
const snapshotConnectMsMax = 3000;
/** Slots that may be taken without waiting for a connection. */
const spareConnections = 4;
const marksEveryMs = 2000;
const hotHexesEveryMs = 10_000;
const daysEveryMs = 3_600_000;
const daysAhead = 7;

/** What the composition root gives a worker. All of it is closed by its giver, the snapshots excepted. */
export interface WorkerPorts {
  readonly bus: Bus;
  readonly routers: JoinOptions["routers"];
  readonly snapshots: SnapshotStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface RunningWorker {
  readonly controlUrl: string;
  /** Gives every slot back in good order and ends. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts a worker. Rejects when the schema is not the one it knows, when the server does not keep what it
 * confirms, when the game cannot be loaded, and when no router takes it.
 */
export async function start(config: WorkerConfig, ports: WorkerPorts): Promise<RunningWorker> {
  const { logger } = ports;
  const incarnation = uuidText(uuidv7Bytes());
  const game = await loadGame({ module: config.game.module, options: config.game.options });
  await checkStore(config);
  const registry = createMessageRegistry([
    ...game.descriptors,
    file_hexhold_hex_v1_timer,
    file_hexhold_control_v1_dead_letter,
  ]);
  const metrics = createWorkerMetrics(ports.metrics);
  const hotHexes = createHotHexes(performance.now());
  const slots = new Map<string, SlotRunner>();
  const store = openPool(
    { url: config.postgresUrl, applicationName: `worker-pool:${config.instance}` },
    4,
  );
  const threads = new RulesThreadPool({
    gameModule: config.game.module,
    gameOptions: config.game.options,
    world: config.world,
    heapMbMax: config.rulesHeapMbMax,
  });
  const newRules = (): RulesHost =>
    config.rules === "inline"
      ? createInlineRulesHost(game, { random: () => randomBytes(16), world: config.world })
      : createThreadRulesHost({
          pool: threads,
          decideMsMax: config.decideMsMax,
          onLost: (kind, error) => {
            metrics.rulesLost.inc({ kind });
            logger.error({ kind, error }, "a rules thread has ended; another one takes over");
          },
        });
  const rules = newRules();
  const spares = createSpareConnections(config.postgresUrl, spareConnections, async (client) => {
    await readRecovery(client, [], new Map(), game.hex.stateFormat);
  });
  const control = await startRpcServer({
    host: config.controlHost,
    port: config.controlPort,
    logger,
    ...(config.controlToken === undefined ? {} : { token: config.controlToken }),
    metrics: ports.metrics,
    routes: (router) =>
      routeProcessService(router, {
        instance: config.instance,
        incarnation,
        version: config.version,
        inspect: () => ({
          slots: [...slots.values()].map((slot) => ({
            slot: slot.slot,
            epoch: slot.epoch,
            activeHexes: slot.table.size,
          })),
          bus: ports.bus.state.mode,
          rulesGeneration: rules.generation,
        }),
        inspectHex: (request) => inspectHex(request, slots),
      }),
  });
  // The first slot is not to wait for the rules or for connections.
  await rules.loaded;
  await Promise.all([
    spares.fill(),
    Promise.race([
      ports.snapshots.connect(),
      pause(snapshotConnectMsMax, undefined, { ref: false }),
    ]),
  ]).catch((error: unknown) => logger.warn({ err: error }, "not everything is connected yet"));
  const membership = await joinCluster({
    routers: ports.routers,
    ...(config.controlToken === undefined ? {} : { token: config.controlToken }),
    instance: config.instance,
    kind: ProcessKind.WORKER,
    controlUrl: control.url,
    incarnation,
    version: config.version,
    worldFormat: game.worldFormat,
    amqpConnections: ports.bus.connectionNames(),
    logger,
    onHeartbeat: () => [...slots.values()].flatMap((slot) => slot.report() ?? []),
  });

  let routes: RouteTable | undefined;
  let stopping: Promise<void> | undefined;
  const group = new GroupCommit({
    connect: (onLost) =>
      openConnection(
        {
          url: config.postgresUrl,
          applicationName: groupConnectionName(config.instance, incarnation),
        },
        onLost,
      ),
    logger,
    onCommit: (slotCount) => metrics.commitSlots.observe(slotCount),
  });
  const slotPorts: SlotPorts = {
    bus: ports.bus,
    registry,
    stateFormat: game.hex.stateFormat,
    rules,
    spareRules: newRules,
    loadSnapshots: guardLoad(ports.snapshots, logger),
    connect: spares.connect,
    pool: store,
    routes: () => routes,
    views: createViewPublisher(ports.bus),
    outbox: createOutboxSender(ports.bus),
    group,
    replies: createReplySender(ports.bus),
    worldNow: () => membership.worldNow(),
    leaseTtlMs: membership.leaseTtlMs,
    staleAfterMs: (config.resultRetentionHours - 1) * 3_600_000,
    identity: {
      service: "worker",
      version: config.version,
      instance: config.instance,
      incarnation,
    },
    logger,
    metrics,
    hotHexes,
  };
  const writer = startSnapshotWriter({
    store: ports.snapshots,
    policy: {
      events: config.snapshotEvents,
      maxAgeMs: config.snapshotAgeMsMax,
      writesPerSMax: config.snapshotWritesPerSMax,
    },
    stateFormat: game.hex.stateFormat,
    slots: () => slots.values(),
    worldNow: slotPorts.worldNow,
    logger,
    metrics,
  });

  const endPassivation = startPassivator({
    limits: {
      memoryBytesMax: config.actorMemoryMbMax * 1024 * 1024,
      idleMs: config.passivateAfterMs,
    },
    slots: () => slots.values(),
    worldNow: slotPorts.worldNow,
    save: (slot, hexes) => writer.save(slot, hexes),
    metrics,
  });

  const grant = (slot: string, expectedEpoch: bigint): void => {
    if (slots.has(slot) || stopping !== undefined) return;
    const runner = new SlotRunner(slot, slotPorts, {
      // Until then its slot counts as stalled, and gateways answer for it.
      serving: () => membership.heartbeatNow(),
      ended: () => {
        if (slots.get(slot) === runner) slots.delete(slot);
        membership.heartbeatNow();
      },
    });
    slots.set(slot, runner);
    void runner.start(expectedEpoch).then((taken) => {
      if (!taken && slots.get(slot) === runner) slots.delete(slot);
      // The router is told at once: it looks who has the slot instead of waiting for this worker.
      if (!taken) membership.heartbeatNow();
    });
  };
  const unwatch = [
    membership.watchRoutes((table) => (routes = table)),
    membership.watchAssignments({
      grant,
      release: (slot, reason) => {
        const runner = slots.get(slot);
        if (runner !== undefined) void runner.release(reason, (what) => writer.flush(runner, what));
      },
    }),
    ports.bus.onState(() => {
      void membership.setAmqpConnections(ports.bus.connectionNames()).catch(() => undefined);
    }),
  ];
  const timers = [
    setInterval(() => {
      metrics.slots.set(slots.size);
      let active = 0;
      for (const slot of slots.values()) {
        active += slot.table.size;
        slotPorts.views.publishMarks(slot.table, slotPorts.worldNow());
      }
      metrics.activeHexes.set(active);
    }, marksEveryMs),
    setInterval(() => {
      metrics.hexCommands.reset();
      for (const { keyText, commandsPerSecond } of hotHexes.take(performance.now())) {
        metrics.hexCommands.set({ hex: keyText }, commandsPerSecond);
      }
    }, hotHexesEveryMs),
    setInterval(() => {
      store
        .query("SELECT world.make_days($1), world.prune_days($2)", [
          daysAhead,
          config.resultRetentionHours,
        ])
        .catch((error: unknown) => logger.warn({ err: error }, "daily partitions cannot be kept"));
    }, daysEveryMs),
  ];
  logger.info({ incarnation, game: game.name, controlUrl: control.url }, "worker started");

  const stop = async (): Promise<void> => {
    for (const end of unwatch) end();
    for (const timer of timers) clearInterval(timer);
    endPassivation();
    await handBack(
      [...slots.values()].map(
        (slot) => () => slot.release("the worker stops", (what) => writer.flush(slot, what)),
      ),
      config.handBackPauseMs,
    );
    group.stop();
    spares.stop();
    await writer.stop();
    await membership.stop();
    await control.stop();
    await rules.stop();
    await threads.stop();
    await Promise.all([store.end(), ports.snapshots.close()]).catch(() => undefined);
    logger.info("worker stopped");
  };
  return {
    controlUrl: control.url,
    stop: () => (stopping ??= stop()),
  };
}

/** Refuses a database of another version, or one that may lose what it has confirmed. */
async function checkStore(config: WorkerConfig): Promise<void> {
  const client = await openConnection({
    url: config.postgresUrl,
    applicationName: `worker-start:${config.instance}`,
  });
  try {
    await checkSchemaVersion(client, "world", schemaVersion);
    const { rows } = await client.query<{ name: string; setting: string }>(
      "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')",
    );
    for (const { name, setting } of rows) {
      if (setting === "off" || (name === "synchronous_commit" && setting === "local")) {
        throw new Error(
          `PostgreSQL runs with ${name} = ${setting}: answers could be lost; set it to on`,
        );
      }
    }
  } finally {
    await client.end();
  }
}
