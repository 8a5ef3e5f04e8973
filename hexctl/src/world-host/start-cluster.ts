/** The profile `cluster`: one process per service on four real services, kept running by a supervisor. */
import { spawnHexes } from "@hexhold/accounts";
import { join } from "node:path";
import { osReason, startWhole, type Unwind, urlOf } from "@hexhold/config";
import { createAmqpBus } from "@hexhold/messaging";
import { compileCacheFolder, freePorts, isPortFree } from "@hexhold/local-stack";
import { worldStopMsMax } from "../host/run-host.ts";
import { trackFailing } from "../supervisor/failing-processes.ts";
import { createSupervisor, type Supervisor } from "../supervisor/supervisor.ts";
import { openOperator } from "./open-operator.ts";
import { prepareBroker } from "./prepare-broker.ts";
import { processEnv } from "./process-env.ts";
import { type PlayerMint, startPlayerMint } from "./player-mint.ts";
import { urlOfRole } from "./role-passwords.ts";
import { waitForHttp } from "./wait-for-http.ts";
import { watchStart } from "./watch-start.ts";
import { serveHost, type WorldHost, type WorldStart } from "./world-host.ts";

/** From the time when all processes are there until every slot is served. */
const servedMsMax = 60_000;
const readyMsMax = 30_000;

/** In the order of their starts: who depends on others comes after them. */
const kinds = [
  "router",
  "worker",
  "accounts",
  "inventory",
  "market",
  "governance",
  "chat",
  "gateway",
] as const;
type ClusterKind = (typeof kinds)[number];

/** Folder of each kind in the checkout. */
const folders: Record<ClusterKind, string> = {
  router: "router",
  worker: "worker",
  accounts: "domains/accounts",
  inventory: "domains/inventory",
  market: "domains/market",
  governance: "domains/governance",
  chat: "domains/chat",
  gateway: "gateway",
};

/** Where a process listens. Chosen here, so that one that was restarted is found where it was. */
interface Place {
  readonly name: string;
  readonly kind: ClusterKind;
  readonly controlPort: number;
  /** Gateways: for players. */
  readonly publicPort: number;
}

export function startCluster(given: WorldStart): Promise<WorldHost> {
  return startWhole(
    (unwind) => start(given, unwind),
    (failure) => given.logger.error({ err: failure }, "could not be stopped"),
  );
}

async function start(given: WorldStart, unwind: Unwind): Promise<WorldHost> {
  const { config, secrets, stack, logger, checkout, say } = given;
  const urls = {
    postgres: stack.service("postgres").url,
    rabbitmq: stack.service("rabbitmq"),
    redis: stack.service("redis").url,
    mongodb: stack.service("mongodb").url,
  };
  const broker = await prepareBroker({
    url: urls.rabbitmq.url,
    managementUrl: urls.rabbitmq.managementUrl,
    checkout,
    dataDir: stack.dataDir.path,
    partitions: config.partitions,
    secrets,
    say,
  });
  const roleUrl = (role: string): string => urlOfRole(urls.postgres, role, secrets);
  const { routers: router, workers: worker, gateways: gateway, domains: accounts } = given.counts;
  const inventory = config.inventory.enabled ? accounts : 0;
  const market = config.market.enabled ? accounts : 0;
  const governance = config.governance.enabled ? accounts : 0;
  const chat = config.chat.enabled ? accounts : 0;
  const counts = { router, worker, accounts, inventory, market, governance, chat, gateway };
  const places = await placeProcesses(counts, config.gateway);
  const adminPort = await placeAdmin(config.router.adminPort);
  const routers = places.filter(({ kind }) => kind === "router");
  const routerUrls = routers.map(({ controlPort }) => urlOfPort(controlPort));
  const gatewayUrl = ({ publicPort }: Place): string =>
    urlOf("http", config.gateway.host, publicPort);
  const publicUrlOf = (place: Place): { readonly url?: string } =>
    place.kind === "gateway" ? { url: gatewayUrl(place) } : {};
  const report = (): void => given.onProcesses(processes(), [...failing.list()]);
  const failing = trackFailing(() => report());
  unwind.add("failing processes", failing.stop);
  const startFailure = watchStart();
  const supervisor = createSupervisor(stack.dataDir.ledger, (event) => {
    startFailure.see(event);
    failing.see(event);
    if (event.type === "died")
      say(`${event.name} died (${event.how}); started again in ${event.delayMs} ms`);
    else if (event.type === "restart-failed")
      say(`${event.name} cannot be started: ${osReason(event.error)}`);
    else if (event.type !== "started") say(`${event.name} ${event.type}`);
    report();
  });
  unwind.add("processes", supervisor.stop, worldStopMsMax);
  const shared = {
    NODE_COMPILE_CACHE: compileCacheFolder(join(stack.dataDir.path, "cache")),
    HEXHOLD_GAME__MODULE: given.game.module,
    HEXHOLD_WORLD__GAME: given.game.loaded.name,
    HEXHOLD_CLUSTER__CONTROL_TOKEN: secrets.controlToken,
    HEXHOLD_CLUSTER__ROUTERS: `[${routerUrls.join(", ")}]`,
    ...(broker.trustedUsers.length === 0
      ? {}
      : { HEXHOLD_CLUSTER__TRUSTED_USERS: JSON.stringify(broker.trustedUsers) }),
  };
  const launch = async ({ name, kind }: Place, env: Record<string, string>): Promise<void> => {
    await supervisor.startProcess({
      name,
      kind,
      command: process.execPath,
      args: [join(checkout, folders[kind], "src/main.ts")],
      env: processEnv(given.env, { ...shared, ...env }),
      cwd: checkout,
      logFile: join(stack.dataDir.logDir, `${name}.log`),
    });
  };
  const processes = () => [
    {
      name: "host",
      kind: "host",
      pid: process.pid,
      ...(hostUrl === undefined ? {} : { controlUrl: hostUrl }),
    },
    ...supervisor.processes().flatMap(({ name, kind, pid }) => {
      const place = places.find((item) => item.name === name);
      return pid === undefined || place === undefined
        ? []
        : [{ name, kind, pid, controlUrl: urlOfPort(place.controlPort), ...publicUrlOf(place) }];
    }),
  ];
  let hostUrl: string | undefined;
  const envOf: Record<ClusterKind, (place: Place) => Record<string, string>> = {
    router: () => ({
      HEXHOLD_POSTGRES_URL: roleUrl("hexhold_router"),
      HEXHOLD_REDIS_URL: urls.redis,
      HEXHOLD_RABBITMQ_MANAGEMENT_URL: urls.rabbitmq.managementUrl ?? "",
      // All of them: the one that leads listens there.
      HEXHOLD_ROUTER__ADMIN_PORT: String(adminPort),
      HEXHOLD_ROUTER__ADMIN_TOKEN: secrets.adminToken,
    }),
    worker: () => ({
      HEXHOLD_POSTGRES_URL: roleUrl("hexhold_worker"),
      HEXHOLD_MONGODB_URL: urls.mongodb,
    }),
    inventory: () => ({ HEXHOLD_POSTGRES_URL: roleUrl("hexhold_inventory") }),
    market: () => ({ HEXHOLD_POSTGRES_URL: roleUrl("hexhold_market") }),
    governance: () => ({ HEXHOLD_POSTGRES_URL: roleUrl("hexhold_governance") }),
    chat: () => ({ HEXHOLD_POSTGRES_URL: roleUrl("hexhold_chat") }),
    accounts: () => ({
      HEXHOLD_POSTGRES_URL: roleUrl("hexhold_accounts"),
      HEXHOLD_ACCOUNTS__KEY_DIRECTORY: config.accounts.keyDirectory ?? given.accountKeyDirectory,
    }),
    gateway: (place) => ({
      HEXHOLD_GATEWAY__HOST: config.gateway.host,
      HEXHOLD_GATEWAY__PORT: String(place.publicPort),
      HEXHOLD_GATEWAY__TOKEN_KEYS_FILE: given.keys.jwksFile,
      ...(given.webRoot === undefined ? {} : { HEXHOLD_GATEWAY__WEB_ROOT: given.webRoot }),
    }),
  };
  for (const place of places) {
    const { name, kind } = place;
    const own = `HEXHOLD_${kind.toUpperCase()}__`;
    await launch(place, {
      [`${own}INSTANCE`]: name,
      [`${own}CONTROL_PORT`]: String(place.controlPort),
      HEXHOLD_RABBITMQ_URL: broker.urlOf(kind),
      ...envOf[kind](place),
    });
  }
  const known: { mint?: PlayerMint } = {};
  const comeUp = async (): Promise<PlayerMint> => {
    for (const place of places) {
      await waitForHttp(
        `${place.kind === "gateway" ? gatewayUrl(place) : urlOfPort(place.controlPort)}/readyz`,
        readyMsMax,
        () => `${place.name} is not healthy; see hexctl logs ${place.name}, worker-1 and router-1`,
      );
    }
    // As long as a worker may still turn out to be one that ends again and again.
    await waitForHttp(
      `${urlOfPort(adminPort)}/readyz`,
      servedMsMax,
      () => "no worker serves the world; see hexctl logs worker-1 and router-1",
    );
    const bus = createAmqpBus({ url: broker.urlOf("host"), appId: "host/host" });
    unwind.add("bus", () => bus.close());
    // It stands in for the accounts service, whose messages it sends.
    const mintBus = createAmqpBus({ url: broker.urlOf("accounts"), appId: "accounts/host" });
    unwind.add("bus of the mint", () => mintBus.close());
    const operator = openOperator(bus);
    unwind.add("operator", () => operator.close());
    const host = await serveHost({
      mint: () => known.mint,
      accounts: operator.accounts,
      economy: operator.economy,
      chat: operator.chat,
      supervisor,
      drainWorkers: () => drainWorkers(supervisor),
      token: secrets.adminToken,
      logger,
    });
    unwind.add("host", () => host.stop());
    hostUrl = host.url;
    await Promise.all([connected(bus), connected(mintBus)]);
    const started = await startPlayerMint({
      bus: mintBus,
      routers: routerUrls,
      controlToken: secrets.controlToken,
      controlUrl: host.url,
      keys: given.keys,
      hexes: spawnHexes(given.config.spawnCells, given.config.bounds),
      logger,
    });
    unwind.add("mint", () => started.stop());
    return started;
  };
  const mint = await startFailure.race(comeUp());
  known.mint = mint;
  report();
  const httpUrl = gatewayUrl(places.find(({ kind }) => kind === "gateway")!);
  return {
    endpoints: {
      ws: httpUrl.replace("http", "ws"),
      http: httpUrl,
      admin: `http://127.0.0.1:${adminPort}`,
    },
    processes: processes(),
    mint,
    stop: unwind.run,
  };
}

/** All at once: a slot that one gives back would only be given to another that is about to stop. */
async function drainWorkers(supervisor: Supervisor): Promise<string[]> {
  const workers = supervisor.processes().filter(({ kind }) => kind === "worker");
  await Promise.all(workers.map((worker) => worker.stop()));
  return workers.map(({ name }) => name);
}

/** A name and ports for each process, in the order of their starts. */
async function placeProcesses(
  counts: Readonly<Record<ClusterKind, number>>,
  gateway: { readonly host: string; readonly port: number },
): Promise<Place[]> {
  const names = kinds.flatMap((kind) =>
    Array.from({ length: counts[kind] }, (_, n) => ({ kind, name: `${kind}-${n + 1}` })),
  );
  const controlPorts = await freePorts(names.length);
  const publicPorts = await freePorts(counts.gateway);
  // The first gateway is where the configuration says, if nobody is there.
  if (await mayListen(gateway.host, gateway.port)) publicPorts[0] = gateway.port;
  return names.map(({ name, kind }, i) => ({
    name,
    kind,
    controlPort: controlPorts[i]!,
    publicPort: kind === "gateway" ? publicPorts.shift()! : 0,
  }));
}

function urlOfPort(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** Rejects when the broker does not take the host's connections in time. */
function connected(bus: ReturnType<typeof createAmqpBus>): Promise<void> {
  if (bus.state.mode === "connected") return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      unlisten();
      reject(
        new Error(`RabbitMQ does not take the host's connections: ${JSON.stringify(bus.state)}`),
      );
    }, readyMsMax);
    const unlisten = bus.onState((state) => {
      if (state.mode !== "connected") return;
      clearTimeout(timer);
      unlisten();
      resolve();
    });
  });
}

/**
 * 0 = a free one, kept while the world runs. One that was asked for is taken or the start fails: operators' tools send
 * a token there, and must not send it to another process.
 */
async function placeAdmin(port: number): Promise<number> {
  if (port === 0) return (await freePorts(1))[0]!;
  if (await mayListen("127.0.0.1", port)) return port;
  throw new Error(
    `port ${port} of 127.0.0.1 is taken: stop what listens there, or choose another admin port (router.adminPort, 0 = any)`,
  );
}

/** 0 asks for any port, and none is free by that name. */
async function mayListen(host: string, port: number): Promise<boolean> {
  return port !== 0 && (await isPortFree(port, host));
}
