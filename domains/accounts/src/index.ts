/** The accounts service: registration, login, tokens, bans. */
import { create } from "@bufbuild/protobuf";
import { EndedLoginSchema } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import {
  accountsAuthQueue,
  accountsQueue,
  type Bus,
  createRequester,
  uuidBytes,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { joinCluster, type JoinOptions, routeProcessService, startRpcServer } from "@hexhold/rpc";
import type { Logger, Metrics } from "@hexhold/telemetry";
import type { AccountsConfig } from "./accounts-config.ts";
import { createAccountsMetrics } from "./accounts-metrics.ts";
import { createAnnounce } from "./announce.ts";
import { accountCommands } from "./commands/account-commands.ts";
import { arrivals } from "./commands/arrivals.ts";
import { createAnswerCommand } from "./commands/answer-command.ts";
import { authCommands } from "./commands/auth-commands.ts";
import { consumeCommands } from "./commands/consume-commands.ts";
import { followRoutes } from "./follow-routes.ts";
import { openKeyStore } from "./keys/key-store.ts";
import type { Producer } from "./producer.ts";
import { createSendSpawn } from "./spawn/send-spawn.ts";
import { spawnHexes } from "./spawn/spawn-hexes.ts";
import { startSpawnRelay } from "./spawn/spawn-relay.ts";
import { openDatabase } from "./store/database.ts";
import { sweepLogins } from "./store/login-rows.ts";

export { createSendSpawn } from "./spawn/send-spawn.ts";
export { type AccountsConfig, accountsConfigSchema, accountsSection } from "./accounts-config.ts";

/** What the composition root gives the service. All of it is closed by its giver. */
export interface AccountsPorts {
  readonly bus: Bus;
  readonly routers: JoinOptions["routers"];
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface RunningAccounts {
  readonly controlUrl: string;
  /** Finishes what is in hand and ends; what is owed stays in the schema. Idempotent. */
  stop(): Promise<void>;
}

/** Beyond an access token's life: clocks may differ, and a token may be signed while a ban is stored. */
const tokenSlackMs = 60_000;
const sweepEveryMs = 3_600_000;
const sweepMax = 10_000;

/** Starts a process of the service. Rejects when its schema, its keys or its place of birth cannot be used. */
export async function start(
  config: AccountsConfig,
  ports: AccountsPorts,
): Promise<RunningAccounts> {
  const { bus, logger } = ports;
  const { instance, version } = config;
  const incarnation = uuidText(uuidv7Bytes());
  const producer: Producer = { service: "accounts", version, instance };
  const tokenMsMax = config.accessTtlS * 1000 + tokenSlackMs;
  const metrics = createAccountsMetrics(ports.metrics);
  const cleanups: (() => void | Promise<void>)[] = [];
  const cleanUp = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  };
  try {
    const hexes = spawnHexes(config.spawnCells, config.worldBounds);
    const keys = await openKeyStore(config.keyDirectory, tokenMsMax, Date.now());
    const database = await openDatabase(config.postgresUrl, instance);
    cleanups.push(() => database.close());
    const control = await startRpcServer({
      host: config.host,
      port: config.controlPort,
      logger,
      ...(config.controlToken === undefined ? {} : { token: config.controlToken }),
      metrics: ports.metrics,
      routes: (router) =>
        routeProcessService(router, {
          instance,
          incarnation,
          version,
          inspect: () => ({ bus: bus.state.mode, keys: keys.keys().map(({ kid }) => kid) }),
        }),
    });
    cleanups.push(() => control.stop());
    const membership = await joinCluster({
      routers: ports.routers,
      ...(config.controlToken === undefined ? {} : { token: config.controlToken }),
      instance,
      kind: ProcessKind.DOMAIN,
      controlUrl: control.url,
      incarnation,
      version,
      worldFormat: 1,
      amqpConnections: bus.connectionNames(),
      logger,
    });
    cleanups.push(() => membership.stop());
    const worldNow = (): number => membership.worldNow();
    const followed = followRoutes(bus, membership, logger);
    cleanups.push(() => followed.stop());
    const requester = createRequester({ bus, name: `svc.${instance}.reply` });
    cleanups.push(() => requester.close());
    const relay = startSpawnRelay({
      database,
      send: createSendSpawn({ requester, routes: followed.routes, worldNow, producer }),
      hexes,
      worldNow,
      onSpawned: () => metrics.spawned.inc(),
      logger,
    });
    cleanups.push(() => relay.stop());
    const announce = createAnnounce(bus, producer, worldNow);
    const stopping = new AbortController();
    const shared = { worldNow, logger, stopping: stopping.signal };
    const auth = authCommands({
      database,
      keys,
      relay,
      accessTtlS: config.accessTtlS,
      refreshTtlMs: config.refreshTtlDays * 86_400_000,
      loginsMax: config.loginsMax,
      onTheft(accountId, loginId, nowMs) {
        metrics.thefts.inc();
        logger.warn(
          { account: accountId, login: loginId },
          "a refresh token came twice; its login is ended",
        );
        const forgetMs = BigInt(Math.ceil(nowMs + tokenMsMax));
        const login = create(EndedLoginSchema, { loginId: uuidBytes(loginId), forgetMs });
        announce.loggedOut(accountId, login);
      },
    });
    const others = accountCommands({ database, keys, announce, tokenMsMax });
    const consumers = [
      { queue: accountsAuthQueue, handlers: auth, events: [] },
      { queue: accountsQueue, handlers: others, events: [arrivals(database)] },
    ].map(({ queue, handlers, events }) =>
      consumeCommands({
        bus,
        queue,
        answer: createAnswerCommand({ ...shared, handlers, events }),
        metrics,
        logger,
      }),
    );
    cleanups.push(async () => {
      stopping.abort();
      await Promise.all(consumers.map((consumer) => consumer.stop()));
    });
    const sweep = setInterval(() => {
      sweepLogins(database, sweepMax).catch((error: unknown) =>
        logger.warn({ err: error }, "expired logins could not be removed"),
      );
    }, sweepEveryMs);
    cleanups.push(() => clearInterval(sweep));
    logger.info({ incarnation, controlUrl: control.url }, "accounts started");
    let stopped: Promise<void> | undefined;
    return { controlUrl: control.url, stop: () => (stopped ??= cleanUp()) };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}
