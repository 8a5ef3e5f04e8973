import { randomUUIDv7 } from "node:crypto";
import { type EndError, startWhole } from "@hexhold/config";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { ProcessService } from "@hexhold/gen/hexhold/control/v1/process_pb";
import { slotOfPartition } from "@hexhold/hex";
import type { Bus } from "@hexhold/messaging";
import { type RpcChannel, openChannel, routeProcessService, startRpcServer } from "@hexhold/rpc";
import { type Logger, type Metrics, createLogger, createMetrics } from "@hexhold/telemetry";
import { routeAdminService } from "./admin/admin-service.ts";
import { listWarnings } from "./admin/list-warnings.ts";
import { createRabbitmqAdmin } from "./broker/broker-admins/rabbitmq.ts";
import type { BrokerAdmin } from "./broker/broker-admin.ts";
import {
  type BrokerMarks,
  type BrokerMarkStore,
  createBrokerMarkKeeper,
  ForeignBrokerError,
  recheckBrokerMark,
} from "./broker/broker-mark.ts";
import { pollQueues } from "./broker/poll-queues.ts";
import type { RouterConfig } from "./config.ts";
import { openControlStore, type WorldName } from "./control-store.ts";
import { consumeDeadLetters } from "./dead-letter/dead-letters.ts";
import { retryDeadLetter } from "./dead-letter/retry-dead-letter.ts";
import { ForeignLeaseStoreError, type LeaseStore } from "./lease/lease-store.ts";
import { createMemoryLeaseStore } from "./lease/lease-stores/memory.ts";
import { createRedisLeaseStore } from "./lease/lease-stores/redis.ts";
import { createRecoveryClock } from "./lease/recovery-clock.ts";
import { createSlotLeases, type SlotLeases } from "./lease/slot-leases.ts";
import { routeControlService } from "./membership/control-service.ts";
import { createDeathWatch } from "./membership/death-watch.ts";
import { createMembers, type Member } from "./membership/members.ts";
import { kindName } from "./membership/process-kind.ts";
import { probeProcess } from "./membership/probe.ts";
import { countRouter, gaugeRouter } from "./metrics.ts";
import { createHealthGrace } from "./route-table/health-grace.ts";
import { createRouteTable } from "./route-table/route-table.ts";
import { createWorldFormat } from "./world-format.ts";
import { checkWorldSettings, createWorldGame } from "./world-settings.ts";
import { startWorldTime, type WorldTime } from "./world-clock/world-time.ts";

/** What the composition root may put in place of what the configuration says. */
export interface RouterPorts {
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /** Default: Redis when `config.redis` is there, else memory. The router closes it. */
  readonly leaseStore?: LeaseStore;
  /** Default: RabbitMQ's management API when `config.rabbitmq` is there. */
  readonly broker?: BrokerAdmin;
  /** For dead letters; without it none are taken in. The caller closes it. */
  readonly bus?: Bus;
}

export interface Router {
  /** For all other processes, with the control token. */
  readonly controlUrl: string;
  /** For operators, with the admin token. */
  readonly adminUrl: string;
  /** The control service inside this process, without a token: `joinCluster({ routers: channel })`. */
  readonly controlChannel: RpcChannel;
  readonly adminChannel: RpcChannel;
  /** Ends streams, answers what is in flight, frees ports and connections. Leases stay their holders'. */
  stop(): Promise<void>;
}

const probeTimeoutMs = 500;
const inspectTimeoutMs = 2_000;
/** One that is frozen keeps the port: then operators have to look for the next one. */
const adminPortWaitMs = 5_000;
/** A process that is silent for so many TTLs, without a stream, is forgotten. */
const forgetAfterTtls = 10;

/**
 * Starts a router. Rejects, with what to do, when PostgreSQL cannot be reached, when its schema is older
 * or newer than this software, when the database holds another world, or when the control port is taken.
 */
export async function start(config: RouterConfig, ports: RouterPorts = {}): Promise<Router> {
  const { instance, host, leaseTtlMs: ttlMs } = config;
  const logger =
    ports.logger ?? createLogger({ service: "router", instance, level: config.logLevel });
  const metrics = ports.metrics ?? createMetrics();
  const now = (): number => performance.now();
  const onFailure = (failure: EndError): void =>
    logger.warn({ err: failure }, "something of the router did not end");

  return startWhole(async (unwind) => {
    const store = await openControlStore({ postgresUrl: config.postgresUrl, instance });
    unwind.add("control store", () => store.close());
    const settings = await checkWorldSettings(store, config.world);
    const format = createWorldFormat(store, settings);
    const world = await store.world();
    const counters = countRouter(metrics);
    const worldTime = await startWorldTime(store, logger, () => counters.clockSet());
    unwind.add("world time", () => worldTime.stop());
    const startedAtMs = worldTime.now();
    const slots = Array.from({ length: settings.partitions }, (_, n) => slotOfPartition(n));
    const routes = createRouteTable(await store.routeVersion(), settings.partitions, slots);
    const broker =
      ports.broker ??
      (config.rabbitmq === undefined ? undefined : createRabbitmqAdmin(config.rabbitmq));
    if (broker?.marks !== undefined) {
      unwind.add(
        "mark of the broker",
        await keepBrokerMark(broker, broker.marks, ports.bus, store, world, counters, logger),
      );
    }
    const leaseStore = ports.leaseStore ?? openLeaseStore(config, world);
    unwind.add("lease store", () => leaseStore.close());
    // One that does not answer is asked again with every operation.
    await leaseStore.read(slots).catch((error: unknown) => {
      if (error instanceof ForeignLeaseStoreError) throw error;
    });

    const members = createMembers({ ttlMs, now, worldNow: () => worldTime.now() });
    const mayServe = (member: Member): boolean =>
      member.kind === ProcessKind.WORKER &&
      member.assignments !== undefined &&
      member.worldFormat >= format.current &&
      members.isHeard(member);
    const recovery = createRecoveryClock(now, (seconds) => counters.slotRecovered(seconds));
    const health = createHealthGrace((slot, served) => routes.setHealth(slot, served));
    unwind.add("health of slots", () => health.stop());
    const leases = createSlotLeases({
      slots,
      store: leaseStore,
      readSlots: () => store.slots(),
      broker,
      isAble(holder) {
        const member = members.byHolder(holder);
        return member !== undefined && mayServe(member);
      },
      workers() {
        const able = members.list().filter(mayServe);
        const warm = able.filter(({ isCold }) => !isCold);
        return (warm.length > 0 ? warm : able).map(({ holder }) => holder);
      },
      push: (holder, assignment) =>
        members.byHolder(holder)?.assignments?.push(assignment) ?? false,
      connectionsOf: (holder) => members.byHolder(holder)?.amqpConnections ?? [],
      onHealth(slot, served) {
        health.report(slot, served);
        recovery(slot, served);
      },
      onChange: (change) => counters.leaseChanged(change),
      ttlMs,
      rebalanceDelayMs: config.rebalanceDelayMs,
      now,
      logger,
    });
    unwind.add("leases", () => leases.stop());
    const deathWatch = createDeathWatch(
      (target) => probeProcess(target, config.controlToken, probeTimeoutMs),
      (member) => {
        if (!members.remove(member)) return;
        logger.info({ process: member.instance }, "a process is dead or has left");
        leases.holderDied(member.holder);
      },
    );
    unwind.add("watch for deaths", () => deathWatch.stop());
    await leases.start();
    const forget = setInterval(() => {
      for (const member of members.list()) {
        const silent = now() - member.heardMs > forgetAfterTtls * ttlMs;
        if (!silent || member.openStreams > 0 || !members.remove(member)) continue;
        leases.holderForgotten(member.holder);
      }
    }, ttlMs);
    unwind.add("forgetting", () => clearInterval(forget));
    gaugeRouter(metrics, { members, leases, routes, now, worldTime });
    if (broker !== undefined) {
      unwind.add(
        "poll of queues",
        pollQueues(broker, (queues) => counters.queuesRead(queues), logger),
      );
    }

    const parts = {
      members,
      leases,
      routes,
      settings,
      world,
      game: createWorldGame(store, settings),
      format,
      deathWatch,
      now,
      ttlMs,
      logger,
    };
    const worldNow = (): number => worldTime.now();
    const control = await startRpcServer({
      host,
      port: config.controlPort,
      token: config.controlToken,
      logger,
      metrics,
      missing: () => [worldTime.fault() ?? []].flat(),
      routes(router) {
        routeControlService(router, {
          ...parts,
          worldNow,
          clockNow: () => worldTime.clockNow(),
        });
        routeProcessService(router, {
          instance,
          incarnation: randomUUIDv7(),
          version: config.version,
          inspect: () => ({ slots: leases.view(), processes: members.list().map(summary) }),
        });
      },
    });
    unwind.add("control server", () => control.stop());
    const admin = await startRpcServer({
      host,
      port: config.adminPort,
      // Routers beside it have the same address for operators: who steps down lets go of it in a moment.
      portWaitMs: config.redis === undefined ? 0 : adminPortWaitMs,
      token: config.adminToken,
      logger,
      metrics,
      missing: () => missingOfRouter(leases, worldTime),
      routes: (router) =>
        routeAdminService(router, {
          ...parts,
          worldNow,
          broker,
          partitions: settings.partitions,
          movedSlot: (bucket, key) => store.movedSlot(bucket, key.hexId, key.layerId),
          warnings: () =>
            listWarnings({
              slots: leases.view(),
              leaseFault: leases.storeFault,
              databaseFault: worldTime.fault(),
              clockOffsetMs: worldTime.offsetMs(),
              waiting: () => store.waiting(),
              alarms: async () => (await broker?.alarms?.()) ?? [],
            }),
          retryDeadLetter: (eventId) => retryDeadLetter(eventId, store, ports.bus),
          inspectHex: (controlUrl, hex) => inspectHex(controlUrl, hex, config.controlToken),
          self: {
            instance,
            version: config.version,
            startedAtMs,
            controlUrl: () => control.url,
          },
        }),
    });
    unwind.add("admin server", () => admin.stop());
    if (ports.bus !== undefined) {
      const letters = consumeDeadLetters(
        ports.bus,
        store,
        () => counters.deadLetterSaved(),
        logger,
      );
      unwind.add("dead letters", () => letters.stop());
    }
    logger.info(
      { controlUrl: control.url, adminUrl: admin.url, world: settings },
      "router is ready",
    );
    return {
      controlUrl: control.url,
      adminUrl: admin.url,
      controlChannel: control.channel,
      adminChannel: admin.channel,
      stop: () => unwind.run(),
    };
  }, onFailure);
}

/** Rejects when the broker is another world's. One that does not answer yet is asked again later. */
async function keepBrokerMark(
  broker: Pick<BrokerAdmin, "alarms">,
  marks: BrokerMarks,
  bus: Bus | undefined,
  store: BrokerMarkStore,
  world: WorldName,
  counters: Pick<ReturnType<typeof countRouter>, "lanesResent">,
  logger: Logger,
): Promise<() => void> {
  const onResend = (): void => counters.lanesResent();
  const keeper = createBrokerMarkKeeper({ marks, store, world, logger, onResend });
  await keeper.check().catch((error: unknown) => {
    if (error instanceof ForeignBrokerError) throw error;
    logger.warn({ err: error }, "the broker's mark cannot be compared yet");
  });
  const isAlarmed = async (): Promise<boolean> => ((await broker.alarms?.()) ?? []).length > 0;
  return bus === undefined ? () => undefined : recheckBrokerMark(keeper, bus, logger, isAlarmed);
}

function openLeaseStore(config: RouterConfig, { worldId }: WorldName): LeaseStore {
  return config.redis === undefined
    ? createMemoryLeaseStore()
    : createRedisLeaseStore({ ...config.redis, worldId });
}

function summary(member: Member) {
  const { instance, incarnation, controlUrl, amqpConnections, openStreams } = member;
  return {
    instance,
    incarnation,
    kind: kindName(member.kind),
    controlUrl,
    amqpConnections,
    openStreams,
  };
}

async function inspectHex(
  controlUrl: string,
  { hexId, layerId }: { readonly hexId: bigint; readonly layerId: number },
  token: string,
) {
  const channel = openChannel(controlUrl, { token, callTimeoutMs: inspectTimeoutMs });
  try {
    return await channel.client(ProcessService).inspectHex({ hexId, layerId });
  } finally {
    channel.close();
  }
}

/** Without which players are not served, or soon will not be; what only waits for operators is in `listWarnings`. */
function missingOfRouter(leases: SlotLeases, { fault }: Pick<WorldTime, "fault">): string[] {
  const unserved = leases.view().flatMap(({ slot, served }) => (served ? [] : [slot]));
  return [
    ...(unserved.length === 0 ? [] : [`workers: nobody serves ${unserved.join(", ")}`]),
    ...(leases.storeFault === undefined ? [] : [`nothing is taken over: ${leases.storeFault}`]),
    ...[fault() ?? []].flat(),
  ];
}
