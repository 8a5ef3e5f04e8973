/** A worker: hosts the hex actors of the slots that it owns. */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { file_hexhold_control_v1_dead_letter } from "@hexhold/gen/hexhold/control/v1/dead_letter_pb";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { createMessageRegistry, type RouteTable } from "@hexhold/messaging";
import { checkSchemaVersion, openConnection, openPool, withConnection } from "@hexhold/postgres";
import {
  type RunningService,
  type Service,
  type ServicePorts,
  startService,
  loadGame,
} from "@hexhold/service";
import { startPassivator } from "./actor/passivator.ts";
import { createHotHexes } from "./hot-hexes.ts";
import { inspectHex } from "./inspect-hex.ts";
import { keepHouse } from "./keep-house.ts";
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
import { ForeignSnapshotsError, type SnapshotStore } from "./snapshot/snapshot-store.ts";
import { startSnapshotWriter } from "./snapshot/snapshot-writer.ts";
import { createOutboxSender } from "./outbox/outbox-sender.ts";
import { createViewPublisher } from "./view/view-publisher.ts";
import { warmUp } from "./warm-up/warm-up.ts";
import type { WorkerConfig } from "./worker-config.ts";
import { createWorkerMetrics } from "./worker-metrics.ts";

export type { RunningService as RunningWorker } from "@hexhold/service";
export { createMongoSnapshotStore } from "./snapshot/snapshot-stores/mongodb.ts";
export { createPostgresSnapshotStore } from "./snapshot/snapshot-stores/postgres.ts";
export type { Snapshot, SnapshotPlace, SnapshotStore } from "./snapshot/snapshot-store.ts";
export { type WorkerConfig, workerConfigSchema } from "./worker-config.ts";
export { workerSection } from "./worker-section.ts";

/** Newest migration of schema `world` that this worker knows. */
const schemaVersion = "0011_chat";
const snapshotConnectMsMax = 3000;
/** Slots that may be taken without waiting for a connection. */
const spareConnections = 4;
/** From a limit that the watchdog has missed until the thread is ended. */
const watchdogSlackMs = 250;
/** A worker without which slots are not served hears of them in this time. */
const grantedAtOnceMs = 300;

/** What the composition root gives a worker. All of it is closed by its giver, the snapshots excepted. */
export interface WorkerPorts extends ServicePorts {
  readonly snapshots: SnapshotStore;
}

/**
 * Starts a worker. Rejects when the schema is not the one it knows, when the server does not keep what it
 * confirms, when the game cannot be loaded, when the snapshots are another world's, and when no router takes it.
 */
export function start(config: WorkerConfig, ports: WorkerPorts): Promise<RunningService> {
  const { instance, version, controlPort, controlToken } = config;
  const host = config.controlHost;
  return startService(
    { name: "worker", instance, version, host, controlPort, controlToken, ports },
    (service) => begin(config, ports, service),
  );
}

async function begin(config: WorkerConfig, ports: WorkerPorts, service: Service): Promise<void> {
  const { bus, logger, snapshots } = ports;
  const { incarnation, unwind } = service;
  unwind.add("snapshot store", () => snapshots.close());
  const game = await loadGame({ module: config.game.module, options: config.game.options });
  await checkStore(config);
  const registry = createMessageRegistry([
    ...game.descriptors,
    file_hexhold_control_v1_dead_letter,
  ]);
  const metrics = createWorkerMetrics(ports.metrics);
  const hotHexes = createHotHexes(performance.now());
  const slots = new Map<string, SlotRunner>();
  const store = openPool(
    { url: config.postgresUrl, applicationName: `worker-pool:${config.instance}` },
    4,
  );
  unwind.add("connections", () => store.end());
  const threads = new RulesThreadPool({
    gameModule: config.game.module,
    gameOptions: config.game.options,
    world: config.world,
    heapMbMax: config.rulesHeapMbMax,
  });
  unwind.add("threads of the rules", () => threads.stop());
  const newRules = (decideMsMax = config.decideMsMax): RulesHost =>
    config.rules === "inline"
      ? createInlineRulesHost(game, { random: () => randomBytes(16), world: config.world })
      : createThreadRulesHost({
          pool: threads,
          decideMsMax,
          onLost: (kind, error) => {
            metrics.rulesLost.inc({ kind });
            logger.error({ kind, error }, "a rules thread has ended; another one takes over");
          },
        });
  const rules = newRules();
  unwind.add("rules", () => rules.stop());
  const spares = createSpareConnections(config.postgresUrl, spareConnections, async (client) => {
    await readRecovery(client, [], new Map(), game.hex.stateFormat);
  });
  unwind.add("spare connections", () => spares.stop());
  await service.serve({
    askPostgres: () => store.query("SELECT 1"),
    inspect: () => ({
      slots: [...slots.values()].map((slot) => ({
        slot: slot.slot,
        epoch: slot.epoch,
        activeHexes: slot.table.size,
      })),
      bus: bus.state.mode,
      rulesGeneration: rules.generation,
    }),
    inspectHex: (request) => inspectHex(request, slots),
  });
  // The first slot is not to wait for the rules or for connections.
  await rules.loaded;
  await Promise.all([
    spares.fill(),
    Promise.race([snapshots.connect(), pause(snapshotConnectMsMax, undefined, { ref: false })]),
  ]).catch((error: unknown) => logger.warn({ err: error }, "not everything is connected yet"));
  let cold = game.samples !== undefined && config.warmUpMsMax > 0;
  const warmingUp = new AbortController();
  const membership = await service.join({
    kind: ProcessKind.WORKER,
    worldFormat: game.worldFormat,
    game,
    onHeartbeat: () => [...slots.values()].flatMap((slot) => slot.report() ?? []),
    isCold: () => cold,
  });
  await snapshots.claim?.(membership.world.worldId).catch((error: unknown) => {
    if (error instanceof ForeignSnapshotsError) throw error;
    logger.warn({ err: error }, "whose snapshots these are is compared before the first one");
  });

  let routes: RouteTable | undefined;
  let isStopping = false;
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
  unwind.add("group commit", () => group.stop());
  const slotPorts: SlotPorts = {
    bus,
    registry,
    stateFormat: game.hex.stateFormat,
    rules,
    decideMsMax: config.decideMsMax,
    // The watchdog is to end what loops there, and not the thread with it.
    spareRules: () => newRules(config.decideMsMax + watchdogSlackMs),
    loadSnapshots: guardLoad(snapshots, logger),
    connect: spares.connect,
    pool: store,
    routes: () => routes,
    views: createViewPublisher(bus),
    outbox: createOutboxSender(bus),
    group,
    replies: createReplySender(bus),
    worldNow: () => membership.worldNow(),
    worldFormat: () => membership.worldFormat(),
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
    store: snapshots,
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
  unwind.add("snapshot writer", () => writer.stop());
  unwind.add("slots", () =>
    handBack(
      [...slots.values()].map(
        (slot) => () => slot.release("the worker stops", (what) => writer.flush(slot, what)),
      ),
      config.handBackPauseMs,
    ),
  );

  unwind.add(
    "passivation",
    startPassivator({
      limits: {
        memoryBytesMax: config.actorMemoryMbMax * 1024 * 1024,
        idleMs: config.passivateAfterMs,
      },
      slots: () => slots.values(),
      worldNow: slotPorts.worldNow,
      save: (slot, hexes) => writer.save(slot, hexes),
      metrics,
    }),
  );

  const grant = (slot: string, expectedEpoch: bigint): void => {
    if (slots.has(slot) || isStopping) return;
    // Nobody else is there to serve it: players come first.
    warmingUp.abort();
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
  unwind.add(
    "routes",
    membership.watchRoutes((table) => (routes = table)),
  );
  unwind.add(
    "assignments",
    membership.watchAssignments({
      grant,
      release: (slot, reason) => {
        const runner = slots.get(slot);
        if (runner !== undefined) void runner.release(reason, (what) => writer.flush(runner, what));
      },
    }),
  );
  unwind.add("housekeeping", keepHouse(config, slots, hotHexes, store, slotPorts));
  const warmedUp = beginWarmUp();
  unwind.add("warm-up", async () => {
    isStopping = true;
    warmingUp.abort();
    await warmedUp;
  });

  /** Unless it is granted a slot at once; never rejects. */
  async function beginWarmUp(): Promise<void> {
    const { signal } = warmingUp;
    try {
      await pause(grantedAtOnceMs, undefined, { signal });
      const report = await warmUp({
        game,
        ports: slotPorts,
        connect: () =>
          openConnection({ url: config.postgresUrl, applicationName: "worker-warm-up" }),
        msMax: config.warmUpMsMax,
        signal,
      });
      logger.info({ ...report }, "warmed up");
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, "the warm-up failed: players warm it up");
    }
    cold = false;
    membership.heartbeatNow();
  }
}

/** Refuses a database of another version, or one that may lose what it has confirmed. */
function checkStore(config: WorkerConfig): Promise<void> {
  const applicationName = `worker-start:${config.instance}`;
  return withConnection({ url: config.postgresUrl, applicationName }, async (client) => {
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
  });
}
