/** The accounts service: registration, login, tokens, bans, and who of all players has a session. */
import { create } from "@bufbuild/protobuf";
import { serveRequests, startDomain } from "@hexhold/domain";
import { EndedLoginSchema } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import {
  accountsAuthQueue,
  accountsQueue,
  createProducerRoutes,
  createRequester,
  uuidBytes,
} from "@hexhold/messaging";
import { type RunningService, type ServicePorts, startService } from "@hexhold/service";
import type { AccountsConfig } from "./accounts-config.ts";
import { createAccountsMetrics } from "./accounts-metrics.ts";
import { createAnnounce } from "./announce.ts";
import { accountCommands } from "./commands/account-commands.ts";
import { arrivals } from "./commands/arrivals.ts";
import { reportSessions } from "./commands/report-sessions.ts";
import { authCommands } from "./commands/auth-commands.ts";
import { commandHandlersOf, counted } from "./commands/command.ts";
import { openKeyStore } from "./keys/key-store.ts";
import { startHearing } from "./presence/hearing.ts";
import { startPresenceRelay } from "./presence/presence-relay.ts";
import { createSendEndPresence } from "./presence/send-end-presence.ts";
import type { Producer } from "./producer.ts";
import { createSendSpawn } from "./spawn/send-spawn.ts";
import { spawnHexes } from "./spawn/spawn-hexes.ts";
import { startSpawnRelay } from "./spawn/spawn-relay.ts";
import { openDatabase } from "./store/database.ts";
import { startTellAccounts } from "./tell-accounts.ts";
import { startSweep } from "./store/sweep.ts";

export type { RunningService as RunningAccounts } from "@hexhold/service";
export { createSendSpawn } from "./spawn/send-spawn.ts";
export { spawnHexes } from "./spawn/spawn-hexes.ts";
export type { SendSpawn } from "./spawn/spawn-relay.ts";
export { type AccountsConfig, accountsConfigSchema, accountsSection } from "./accounts-config.ts";

/** Beyond an access token's life: clocks may differ, and a token may be signed while a ban is stored. */
const tokenSlackMs = 60_000;
/** Messages of a queue that are handled at a time; other processes of this service take others. */
const inHandMax = 16;
/** With secrets, and without. */
const queueCount = 2;

/** Starts a process of the service. Rejects when its schema, its keys or its place of birth cannot be used. */
export function start(config: AccountsConfig, ports: ServicePorts): Promise<RunningService> {
  const { bus, logger } = ports;
  const { instance, version, host, controlPort, controlToken } = config;
  const producer: Producer = { service: "accounts", version, instance };
  const tokenMsMax = config.accessTtlS * 1000 + tokenSlackMs;
  const metrics = createAccountsMetrics(ports.metrics);
  const identity = { name: "accounts", instance, version, host, controlPort, controlToken, ports };
  return startService(identity, async (service) => {
    const { unwind } = service;
    const hexes = spawnHexes(config.spawnCells, config.worldBounds);
    const keys = await openKeyStore(config.keyDirectory, tokenMsMax, Date.now());
    // World time as soon as a router has told it; nothing is written before.
    let worldNow = (): number => Date.now();
    const database = await openDatabase(config.postgresUrl, instance, () => worldNow());
    unwind.add("database", () => database.close());
    let consuming = (): number => 0;
    await service.serve({
      askPostgres: () => database.run("ask", "SELECT 1"),
      missing: () =>
        consuming() === queueCount ? [] : [`queues: ${consuming()} of ${queueCount} are consumed`],
      inspect: () => ({ bus: bus.state.mode, keys: keys.keys().map(({ kid }) => kid) }),
    });
    const routes = createProducerRoutes();
    const membership = await service.join({ kind: ProcessKind.DOMAIN, routes });
    worldNow = () => membership.worldNow();
    const requester = createRequester({ bus, name: `svc.${instance}.reply` });
    unwind.add("requester", () => requester.close());
    const sending = { requester, routes, worldNow: () => worldNow(), producer };
    const relay = startSpawnRelay({
      database,
      send: createSendSpawn(sending),
      hexes,
      worldNow,
      onSpawned: () => metrics.spawned.inc(),
      logger,
    });
    unwind.add("spawn relay", () => relay.stop());
    const hearing = startHearing(bus);
    unwind.add("hearing", () => hearing.stop());
    const graceMs = config.presenceGraceS * 1000;
    const presences = startPresenceRelay({
      database,
      send: createSendEndPresence(sending),
      hearing,
      silentMs: config.gatewaySilentS * 1000,
      graceMs,
      worldNow,
      onSettled: (outcome) => metrics.presencesSettled.inc({ outcome }),
      onCounted({ sessions, waiting }) {
        metrics.sessions.set(sessions);
        metrics.presencesWaiting.set(waiting);
      },
      logger,
    });
    unwind.add("presence relay", () => presences.stop());
    const teller = startTellAccounts({ database, producer, worldNow: () => worldNow(), logger });
    unwind.add("teller", () => teller.stop());
    const announce = createAnnounce(bus, producer, worldNow);
    const commandHandler = commandHandlersOf(() => worldNow());
    const auth = authCommands({
      commandHandler,
      database,
      keys,
      relay,
      accessTtlS: config.accessTtlS,
      refreshTtlMs: config.refreshTtlDays * 86_400_000,
      loginsMax: config.loginsMax,
      onRegistered: () => teller.hint(),
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
    const others = [
      ...accountCommands({ commandHandler, keys, announce, tokenMsMax }),
      reportSessions(commandHandler, graceMs),
    ];
    // Passwords and tokens: hashed and waited for outside of any transaction, and stored, or lettered, nowhere.
    const requests = serveRequests({
      bus,
      queue: accountsAuthQueue,
      handlers: auth,
      inHandMax,
      worldNow,
      logger,
      onAnswered: (type, outcome) => metrics.commands.inc({ type, outcome }),
      onHandled: (seconds) => metrics.handling.observe(seconds),
    });
    unwind.add("requests", () => requests.stop());
    const domain = startDomain({
      producer,
      postgresUrl: config.postgresUrl,
      queues: [accountsQueue],
      inHandMax,
      handlers: [...others.map((handler) => counted(handler, metrics)), arrivals(() => worldNow())],
      bus,
      worldNow: () => worldNow(),
      resultRetentionHours: config.resultRetentionHours,
      logger,
      metrics: ports.metrics,
    });
    unwind.add("domain", () => domain.stop());
    consuming = () => domain.consumingCount + Number(requests.isConsuming);
    unwind.add("sweep", startSweep(database, logger));
  });
}
