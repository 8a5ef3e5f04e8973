/** The profile `embedded`: one process, one real PostgreSQL, everything else inside. */
import { accountsConfigSchema, spawnHexes, start as startAccounts } from "@hexhold/accounts";
import { releaseVersion, startWhole, type Unwind, widenBufferPool } from "@hexhold/config";
import { start as startGateway, gatewayConfigSchema } from "@hexhold/gateway";
import { chatConfigSchema, start as startChat } from "@hexhold/chat";
import { governanceConfigSchema, start as startGovernance } from "@hexhold/governance";
import { inventoryConfigSchema, start as startInventory } from "@hexhold/inventory";
import { createMemoryBus, MemoryBroker, queuesOf, commandQueueLengthMax } from "@hexhold/messaging";
import { marketConfigSchema, start as startMarket } from "@hexhold/market";
import { openPool } from "@hexhold/postgres";
import { createMemoryLeaseStore, start as startRouter } from "@hexhold/router";
import { createMetrics } from "@hexhold/telemetry";
import {
  createPostgresSnapshotStore,
  start as startWorker,
  workerConfigSchema,
} from "@hexhold/worker";
import { openOperator } from "./open-operator.ts";
import { type PlayerMint, startPlayerMint } from "./player-mint.ts";
import { urlOfRole } from "./role-passwords.ts";
import { serveHost, type WorldHost, type WorldStart } from "./world-host.ts";

export function startEmbedded(given: WorldStart): Promise<WorldHost> {
  return startWhole(
    (unwind) => start(given, unwind),
    (failure) => given.logger.error({ err: failure }, "could not be stopped"),
  );
}

async function start(given: WorldStart, unwind: Unwind): Promise<WorldHost> {
  widenBufferPool();
  const { config, secrets, stack, logger } = given;
  const adminUrl = stack.service("postgres").url;
  const roleUrl = (role: string): string => urlOfRole(adminUrl, role, secrets);
  const broker = new MemoryBroker();
  for (const queue of queuesOf(config.partitions)) {
    const { "x-max-length": lengthMax = commandQueueLengthMax } = queue.arguments;
    broker.declareQueue(queue.name, Number(lengthMax));
  }
  const metrics = createMetrics();
  const newBus = () => {
    const bus = createMemoryBus(broker);
    unwind.add("bus", () => bus.close());
    return bus;
  };
  const router = await startRouter(
    {
      instance: "router-1",
      version: releaseVersion,
      host: "127.0.0.1",
      controlPort: 0,
      adminPort: config.router.adminPort,
      controlToken: secrets.controlToken,
      adminToken: secrets.adminToken,
      leaseTtlMs: config.router.leaseTtlMs,
      // There is one worker, and it is here.
      rebalanceDelayMs: 0,
      logLevel: config.router.logLevel,
      postgresUrl: roleUrl("hexhold_router"),
      world: {
        partitions: config.partitions,
        game: given.game.loaded.name,
        worldFormat: config.worldFormat,
      },
    },
    {
      bus: newBus(),
      logger: given.loggerOf("router", "router-1", config.router.logLevel),
      metrics,
      leaseStore: createMemoryLeaseStore(),
      broker: {
        queueDepths: () =>
          Promise.resolve(
            broker.depths().map((queue) => ({
              name: queue.name,
              messagesReady: queue.ready,
              messagesUnacked: queue.unacked,
              consumers: queue.consumers,
            })),
          ),
        closeConnections: () => Promise.resolve(),
      },
    },
  );
  unwind.add("router", () => router.stop());
  const game = { module: given.game.module, options: given.game.options };
  const snapshots = createPostgresSnapshotStore(
    openPool({ url: roleUrl("hexhold_worker"), applicationName: "worker-snapshots" }, 2),
  );
  let isWorkerUp = false;
  // The worker closes them itself, if it comes so far.
  unwind.add("snapshots", () => (isWorkerUp ? undefined : snapshots.close()));
  const worker = await startWorker(
    workerConfigSchema.parse({
      ...config.worker,
      resultRetentionHours: config.resultRetentionHours,
      instance: "worker-1",
      // Nobody else takes a slot over.
      handBackPauseMs: 0,
      postgresUrl: roleUrl("hexhold_worker"),
      controlToken: secrets.controlToken,
      game,
      world: { bounds: [...config.bounds], layers: [...config.layers] },
    }),
    {
      bus: newBus(),
      routers: router.controlChannel,
      snapshots,
      logger: given.loggerOf("worker", "worker-1", config.worker.logLevel),
      metrics,
    },
  );
  isWorkerUp = true;
  unwind.add("worker", () => worker.stop());
  const { logLevel: inventoryLogLevel, ...inventoryOptions } = config.inventory;
  const inventory = config.inventory.enabled
    ? await startInventory(
        inventoryConfigSchema.parse({
          ...inventoryOptions,
          instance: "inventory-1",
          controlPort: 0,
          postgresUrl: roleUrl("hexhold_inventory"),
          game,
          controlToken: secrets.controlToken,
          resultRetentionHours: config.resultRetentionHours,
        }),
        {
          bus: newBus(),
          routers: router.controlChannel,
          logger: given.loggerOf("inventory", "inventory-1", inventoryLogLevel),
          metrics,
        },
      )
    : undefined;
  if (inventory !== undefined) unwind.add("inventory", () => inventory.stop());
  const { logLevel: marketLogLevel, ...marketOptions } = config.market;
  const market = config.market.enabled
    ? await startMarket(
        marketConfigSchema.parse({
          ...marketOptions,
          instance: "market-1",
          controlPort: 0,
          postgresUrl: roleUrl("hexhold_market"),
          controlToken: secrets.controlToken,
          resultRetentionHours: config.resultRetentionHours,
        }),
        {
          bus: newBus(),
          routers: router.controlChannel,
          logger: given.loggerOf("market", "market-1", marketLogLevel),
          metrics,
        },
      )
    : undefined;
  if (market !== undefined) unwind.add("market", () => market.stop());
  const { logLevel: governanceLogLevel, ...governanceOptions } = config.governance;
  const governance = config.governance.enabled
    ? await startGovernance(
        governanceConfigSchema.parse({
          ...governanceOptions,
          instance: "governance-1",
          controlPort: 0,
          postgresUrl: roleUrl("hexhold_governance"),
          game,
          controlToken: secrets.controlToken,
          resultRetentionHours: config.resultRetentionHours,
        }),
        {
          bus: newBus(),
          routers: router.controlChannel,
          logger: given.loggerOf("governance", "governance-1", governanceLogLevel),
          metrics,
        },
      )
    : undefined;
  if (governance !== undefined) unwind.add("governance", () => governance.stop());
  const { logLevel: chatLogLevel, ...chatOptions } = config.chat;
  const chat = config.chat.enabled
    ? await startChat(
        chatConfigSchema.parse({
          ...chatOptions,
          instance: "chat-1",
          controlPort: 0,
          postgresUrl: roleUrl("hexhold_chat"),
          controlToken: secrets.controlToken,
          resultRetentionHours: config.resultRetentionHours,
        }),
        {
          bus: newBus(),
          routers: router.controlChannel,
          logger: given.loggerOf("chat", "chat-1", chatLogLevel),
          metrics,
        },
      )
    : undefined;
  if (chat !== undefined) unwind.add("chat", () => chat.stop());
  const accounts = await startAccounts(
    accountsConfigSchema.parse({
      ...config.accounts,
      instance: "accounts-1",
      keyDirectory: config.accounts.keyDirectory ?? given.accountKeyDirectory,
      postgresUrl: roleUrl("hexhold_accounts"),
      resultRetentionHours: config.resultRetentionHours,
      controlToken: secrets.controlToken,
      spawnCells: [...config.spawnCells],
      worldBounds: [...config.bounds],
    }),
    {
      bus: newBus(),
      routers: router.controlChannel,
      logger: given.loggerOf("accounts", "accounts-1", config.accounts.logLevel),
      metrics,
    },
  );
  unwind.add("accounts", () => accounts.stop());
  const gateway = await startGateway(
    gatewayConfigSchema.parse({
      ...config.gateway,
      instance: "gateway-1",
      resultRetentionHours: config.resultRetentionHours,
      controlToken: secrets.controlToken,
      tokenKeys: given.keys.jwks,
      ...(given.webRoot === undefined ? {} : { webRoot: given.webRoot }),
      game,
      books: config.market.books,
      worldBounds: [...config.bounds],
      worldLayers: [...config.layers],
    }),
    {
      bus: newBus(),
      routers: router.controlChannel,
      logger: given.loggerOf("gateway", "gateway-1", config.gateway.logLevel),
      metrics,
    },
  );
  unwind.add("gateway", () => gateway.stop());
  const hostBus = newBus();
  const known: { mint?: PlayerMint } = {};
  const operator = openOperator(hostBus);
  unwind.add("operator", () => operator.close());
  const host = await serveHost({
    mint: () => known.mint,
    accounts: operator.accounts,
    economy: operator.economy,
    chat: operator.chat,
    async drainWorkers() {
      await worker.stop();
      return ["worker-1"];
    },
    token: secrets.adminToken,
    logger,
  });
  unwind.add("host", () => host.stop());
  const mint = await startPlayerMint({
    bus: hostBus,
    routers: router.controlChannel,
    controlToken: secrets.controlToken,
    controlUrl: host.url,
    keys: given.keys,
    hexes: spawnHexes(given.config.spawnCells, given.config.bounds),
    logger,
  });
  known.mint = mint;
  unwind.add("mint", () => mint.stop());
  const { pid } = process;
  const processes = [
    { name: "host", kind: "host", pid, controlUrl: host.url },
    { name: "router-1", kind: "router", pid, controlUrl: router.controlUrl },
    { name: "worker-1", kind: "worker", pid, controlUrl: worker.controlUrl },
    ...(inventory === undefined
      ? []
      : [{ name: "inventory-1", kind: "inventory", pid, controlUrl: inventory.controlUrl }]),
    ...(market === undefined
      ? []
      : [{ name: "market-1", kind: "market", pid, controlUrl: market.controlUrl }]),
    ...(governance === undefined
      ? []
      : [{ name: "governance-1", kind: "governance", pid, controlUrl: governance.controlUrl }]),
    ...(chat === undefined
      ? []
      : [{ name: "chat-1", kind: "chat", pid, controlUrl: chat.controlUrl }]),
    { name: "accounts-1", kind: "accounts", pid, controlUrl: accounts.controlUrl },
    { name: "gateway-1", kind: "gateway", pid, controlUrl: gateway.controlUrl },
  ];
  given.onProcesses(processes);
  return {
    endpoints: { ws: gateway.wsUrl, http: gateway.httpUrl, admin: router.adminUrl },
    processes,
    mint,
    stop: unwind.run,
  };
}
