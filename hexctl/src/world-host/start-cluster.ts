/** The profile `cluster`: one process per service on four real services, kept running by a supervisor. */
import { join } from "node:path";
import { createAmqpBus, declareTopology } from "@hexhold/messaging";
import { cacheFolder } from "../local-stack/cache-folder.ts";
import { freePorts, isPortFree } from "../local-stack/free-ports.ts";
import { createSupervisor, type Supervisor } from "../supervisor/supervisor.ts";
import { createAccountAdmin } from "./account-admin.ts";
import { startPlayerMint } from "./player-mint.ts";
import { urlOfRole } from "./role-passwords.ts";
import { waitForHttp } from "./wait-for-http.ts";
import { serveHost, type WorldHost, type WorldStart } from "./world-host.ts";

const readyMsMax = 30_000;

/** In the order of their starts: who depends on others comes after them. */
const kinds = ["router", "worker", "accounts", "inventory", "gateway"] as const;
type ClusterKind = (typeof kinds)[number];

/** Folder of each kind in the checkout. */
const folders: Record<ClusterKind, string> = {
  router: "router",
  worker: "worker",
  accounts: "domains/accounts",
  inventory: "domains/inventory",
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

export async function startCluster(given: WorldStart): Promise<WorldHost> {
  const { config, secrets, stack, logger, checkout, say } = given;
  const urls = {
    postgres: stack.service("postgres").url,
    rabbitmq: stack.service("rabbitmq"),
    redis: stack.service("redis").url,
    mongodb: stack.service("mongodb").url,
  };
  const queues = await declareTopology(urls.rabbitmq.url, config.partitions);
  say(`declared ${queues.length} queues`);
  const roleUrl = (role: string): string =>
    urlOfRole(urls.postgres, role, secrets.roles[role] ?? "");
  const { routers: router, workers: worker, gateways: gateway } = given.counts;
  const inventory = config.inventory.enabled ? 1 : 0;
  const counts = { router, worker, accounts: 1, inventory, gateway };
  const places = await placeProcesses(counts, config.gateway);
  const [adminPort = 0] = (await mayListen("127.0.0.1", config.router.adminPort))
    ? [config.router.adminPort]
    : await freePorts(1);
  const routers = places.filter(({ kind }) => kind === "router");
  const routerUrls = routers.map(({ controlPort }) => urlOfPort(controlPort));
  const gatewayUrl = ({ publicPort }: Place): string =>
    `http://${config.gateway.host}:${publicPort}`;
  const urlOf = (place: Place): { readonly url?: string } =>
    place.kind === "gateway" ? { url: gatewayUrl(place) } : {};
  const ends: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).toReversed()) await end();
  };
  const report = (): void => given.onProcesses(processes());
  const supervisor = createSupervisor(stack.dataDir.ledger, (event) => {
    if (event.type === "died")
      say(`${event.name} died (${event.how}); started again in ${event.delayMs} ms`);
    else if (event.type !== "started") say(`${event.name} ${event.type}`);
    report();
  });
  ends.push(() => supervisor.stop());
  const shared = {
    ...(given.env as Record<string, string>),
    // A third of the work of a start is to compile what was compiled at the one before.
    NODE_COMPILE_CACHE: join(cacheFolder(join(stack.dataDir.path, "cache")), "compiled"),
    HEXHOLD_RABBITMQ_URL: urls.rabbitmq.url,
    HEXHOLD_CLUSTER__CONTROL_TOKEN: secrets.controlToken,
    HEXHOLD_CLUSTER__ROUTERS: `[${routerUrls.join(", ")}]`,
  };
  const launch = async ({ name, kind }: Place, env: Record<string, string>): Promise<void> => {
    await supervisor.startProcess({
      name,
      kind,
      command: process.execPath,
      args: [join(checkout, folders[kind], "src/main.ts")],
      env: { ...shared, ...env },
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
        : [{ name, kind, pid, controlUrl: urlOfPort(place.controlPort), ...urlOf(place) }];
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
  try {
    for (const place of places) {
      const { name, kind } = place;
      const own = `HEXHOLD_${kind.toUpperCase()}__`;
      await launch(place, {
        [`${own}INSTANCE`]: name,
        [`${own}CONTROL_PORT`]: String(place.controlPort),
        ...envOf[kind](place),
      });
    }
    for (const place of places) {
      if (place.kind === "router" || place.kind === "worker") continue;
      const url = place.kind === "gateway" ? gatewayUrl(place) : urlOfPort(place.controlPort);
      await waitForHttp(
        `${url}/healthz`,
        readyMsMax,
        () => `${place.name} is not healthy; see hexctl logs ${place.name}, worker-1 and router-1`,
      );
    }
    const bus = createAmqpBus({ url: urls.rabbitmq.url, appId: "host/host" });
    ends.push(() => bus.close());
    const accountAdmin = createAccountAdmin(bus);
    ends.push(() => Promise.resolve(accountAdmin.close()));
    const host = await serveHost({
      mint: () => mint,
      accounts: accountAdmin,
      supervisor,
      drainWorkers: () => drainWorkers(supervisor),
      token: secrets.adminToken,
      logger,
    });
    ends.push(() => host.stop());
    hostUrl = host.url;
    await connected(bus);
    const mint = await startPlayerMint({
      bus,
      routers: routerUrls,
      controlToken: secrets.controlToken,
      controlUrl: host.url,
      keys: given.keys,
      logger,
    });
    ends.push(() => mint.stop());
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
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
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

/** 0 asks for any port, and none is free by that name. */
async function mayListen(host: string, port: number): Promise<boolean> {
  return port !== 0 && (await isPortFree(port, host));
}
