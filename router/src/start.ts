import { randomUUIDv7 } from "node:crypto";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { ProcessService } from "@hexhold/gen/hexhold/control/v1/process_pb";
import { slotOfPartition } from "@hexhold/hex";
import type { Bus } from "@hexhold/messaging";
import { type RpcChannel, openChannel, routeProcessService, startRpcServer } from "@hexhold/rpc";
import { type Logger, type Metrics, createLogger, createMetrics } from "@hexhold/telemetry";
import { routeAdminService } from "./admin/admin-service.ts";
import { createRabbitmqAdmin } from "./broker/broker-admins/rabbitmq.ts";
import type { BrokerAdmin } from "./broker/broker-admin.ts";
import { pollQueues } from "./broker/poll-queues.ts";
import type { RouterConfig } from "./config.ts";
import { openControlStore } from "./control-store.ts";
import { consumeDeadLetters } from "./dead-letter/dead-letters.ts";
import type { LeaseStore } from "./lease/lease-store.ts";
import { createMemoryLeaseStore } from "./lease/lease-stores/memory.ts";
import { createRedisLeaseStore } from "./lease/lease-stores/redis.ts";
import { createRecoveryClock } from "./lease/recovery-clock.ts";
import { createSlotLeases } from "./lease/slot-leases.ts";
import { routeControlService } from "./membership/control-service.ts";
import { createDeathWatch } from "./membership/death-watch.ts";
import { createMembers, type Member } from "./membership/members.ts";
import { kindName } from "./membership/process-kind.ts";
import { probeProcess } from "./membership/probe.ts";
import { countRouter, gaugeRouter } from "./metrics.ts";
import { createHealthGrace } from "./route-table/health-grace.ts";
import { createRouteTable } from "./route-table/route-table.ts";
import { checkWorldSettings } from "./world-settings.ts";
import { startWorldTime } from "./world-time.ts";

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
  const cleanups: (() => void | Promise<void>)[] = [];
  let stopped: Promise<void> | undefined;

  async function cleanUp(): Promise<void> {
    for (const cleanup of cleanups.splice(0).toReversed()) {
      await Promise.resolve(cleanup()).catch((error: unknown) => {
        logger.warn({ err: error }, "something of the router did not stop cleanly");
      });
    }
  }

  async function startAll(): Promise<Router> {
    const store = await openControlStore({ postgresUrl: config.postgresUrl, instance });
    cleanups.push(() => store.close());
    const settings = await checkWorldSettings(store, config.world);
    const worldTime = await startWorldTime(() => store.clockMs(), logger);
    cleanups.push(() => worldTime.stop());
    const startedAtMs = worldTime.now();
    const slots = Array.from({ length: settings.partitions }, (_, n) => slotOfPartition(n));
    const routes = createRouteTable(await store.routeVersion(), settings.partitions, slots);
    const counters = countRouter(metrics);
    const broker =
      ports.broker ??
      (config.rabbitmq === undefined ? undefined : createRabbitmqAdmin(config.rabbitmq));
    const leaseStore = ports.leaseStore ?? openLeaseStore(config);
    cleanups.push(() => leaseStore.close());

    const members = createMembers({ ttlMs, now, worldNow: () => worldTime.now() });
    const mayServe = (member: Member): boolean =>
      member.kind === ProcessKind.WORKER &&
      member.assignments !== undefined &&
      member.worldFormat >= settings.worldFormat &&
      members.isHeard(member);
    const recovery = createRecoveryClock(now, (seconds) => counters.slotRecovered(seconds));
    const health = createHealthGrace((slot, served) => routes.setHealth(slot, served));
    cleanups.push(() => health.stop());
    const leases = createSlotLeases({
      slots,
      store: leaseStore,
      readSlots: () => store.slots(),
      broker,
      workers: () =>
        members
          .list()
          .filter(mayServe)
          .map(({ holder }) => holder),
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
    cleanups.push(() => leases.stop());
    const deathWatch = createDeathWatch(
      (target) => probeProcess(target, config.controlToken, probeTimeoutMs),
      (member) => {
        if (!members.remove(member)) return;
        logger.info({ process: member.instance }, "a process is dead or has left");
        leases.holderDied(member.holder);
      },
    );
    cleanups.push(() => deathWatch.stop());
    await leases.start();
    const forget = setInterval(() => {
      for (const member of members.list()) {
        const silent = now() - member.heardMs > forgetAfterTtls * ttlMs;
        if (silent && member.openStreams === 0) members.remove(member);
      }
    }, ttlMs);
    cleanups.push(() => clearInterval(forget));
    gaugeRouter(metrics, { members, leases, routes, now });
    if (broker !== undefined) {
      cleanups.push(pollQueues(broker, (queues) => counters.queuesRead(queues), logger));
    }

    const parts = { members, leases, routes, settings, deathWatch, now, ttlMs, logger };
    const worldNow = (): number => worldTime.now();
    const control = await startRpcServer({
      host,
      port: config.controlPort,
      token: config.controlToken,
      logger,
      metrics,
      routes(router) {
        routeControlService(router, { ...parts, worldNow });
        routeProcessService(router, {
          instance,
          incarnation: randomUUIDv7(),
          version: config.version,
          inspect: () => ({ slots: leases.view(), processes: members.list().map(summary) }),
        });
      },
    });
    cleanups.push(() => control.stop());
    const admin = await startRpcServer({
      host,
      port: config.adminPort,
      // Routers beside it have the same address for operators: who steps down lets go of it in a moment.
      portWaitMs: config.redis === undefined ? 0 : adminPortWaitMs,
      nextPortIfTaken: true,
      token: config.adminToken,
      logger,
      metrics,
      routes: (router) =>
        routeAdminService(router, {
          ...parts,
          worldNow,
          broker,
          partitions: settings.partitions,
          movedSlot: (bucket, key) => store.movedSlot(bucket, key.hexId, key.layerId),
          inspectHex: (controlUrl, hex) => inspectHex(controlUrl, hex, config.controlToken),
          self: {
            instance,
            version: config.version,
            startedAtMs,
            controlUrl: () => control.url,
          },
        }),
    });
    cleanups.push(() => admin.stop());
    if (ports.bus !== undefined) {
      const letters = consumeDeadLetters(
        ports.bus,
        store,
        () => counters.deadLetterSaved(),
        logger,
      );
      cleanups.push(() => letters.stop());
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
      stop() {
        stopped ??= cleanUp();
        return stopped;
      },
    };
  }

  try {
    return await startAll();
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

function openLeaseStore(config: RouterConfig): LeaseStore {
  return config.redis === undefined
    ? createMemoryLeaseStore()
    : createRedisLeaseStore(config.redis);
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
