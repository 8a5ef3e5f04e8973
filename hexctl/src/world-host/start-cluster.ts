/** The profile `cluster`: one process per service on four real services, kept running by a supervisor. */
import { join } from "node:path";
import { createAmqpBus, declareTopology } from "@hexhold/messaging";
import { freePorts, isPortFree } from "../local-stack/free-ports.ts";
import { createSupervisor } from "../supervisor/supervisor.ts";
import { createAccountAdmin } from "./account-admin.ts";
import { startPlayerMint } from "./player-mint.ts";
import { urlOfRole } from "./role-passwords.ts";
import { waitForHttp } from "./wait-for-http.ts";
import { serveHost, type WorldHost, type WorldStart } from "./world-host.ts";

const readyMsMax = 30_000;

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
  // Ports are chosen here, so that a process that was restarted is found where it was.
  const ports = await freePorts(6);
  const [controlPort = 0, workerPort = 0, gatewayControl = 0, anyGateway = 0, anyAdmin = 0] = ports;
  const accountsPort = ports[5] ?? 0;
  const gatewayPort = (await mayListen(config.gateway.host, config.gateway.port))
    ? config.gateway.port
    : anyGateway;
  const adminPort = (await mayListen("127.0.0.1", config.router.adminPort))
    ? config.router.adminPort
    : anyAdmin;
  const controlUrl = `http://127.0.0.1:${controlPort}`;
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
    HEXHOLD_RABBITMQ_URL: urls.rabbitmq.url,
    HEXHOLD_CLUSTER__CONTROL_TOKEN: secrets.controlToken,
    HEXHOLD_CLUSTER__ROUTERS: `[${controlUrl}]`,
  };
  const launch = async (
    name: string,
    kind: string,
    env: Record<string, string>,
    folder = kind,
  ): Promise<void> => {
    await supervisor.startProcess({
      name,
      kind,
      command: process.execPath,
      args: [join(checkout, folder, "src/main.ts")],
      env: { ...shared, ...env },
      cwd: checkout,
      logFile: join(stack.dataDir.logDir, `${name}.log`),
    });
  };
  const controlUrls: Record<string, string> = {
    "router-1": controlUrl,
    "accounts-1": `http://127.0.0.1:${accountsPort}`,
    "worker-1": `http://127.0.0.1:${workerPort}`,
    "gateway-1": `http://127.0.0.1:${gatewayControl}`,
  };
  const processes = () => [
    {
      name: "host",
      kind: "host",
      pid: process.pid,
      ...(hostUrl === undefined ? {} : { controlUrl: hostUrl }),
    },
    ...supervisor
      .processes()
      .flatMap(({ name, kind, pid }) =>
        pid === undefined ? [] : [{ name, kind, pid, controlUrl: controlUrls[name] ?? "" }],
      ),
  ];
  let hostUrl: string | undefined;
  try {
    await launch("router-1", "router", {
      HEXHOLD_POSTGRES_URL: roleUrl("hexhold_router"),
      HEXHOLD_REDIS_URL: urls.redis,
      HEXHOLD_RABBITMQ_MANAGEMENT_URL: urls.rabbitmq.managementUrl ?? "",
      HEXHOLD_ROUTER__INSTANCE: "router-1",
      HEXHOLD_ROUTER__CONTROL_PORT: String(controlPort),
      HEXHOLD_ROUTER__ADMIN_PORT: String(adminPort),
      HEXHOLD_ROUTER__ADMIN_TOKEN: secrets.adminToken,
    });
    await launch("worker-1", "worker", {
      HEXHOLD_POSTGRES_URL: roleUrl("hexhold_worker"),
      HEXHOLD_MONGODB_URL: urls.mongodb,
      HEXHOLD_WORKER__INSTANCE: "worker-1",
      HEXHOLD_WORKER__CONTROL_PORT: String(workerPort),
    });
    const accounts = {
      HEXHOLD_POSTGRES_URL: roleUrl("hexhold_accounts"),
      HEXHOLD_ACCOUNTS__INSTANCE: "accounts-1",
      HEXHOLD_ACCOUNTS__CONTROL_PORT: String(accountsPort),
      HEXHOLD_ACCOUNTS__KEY_DIRECTORY: config.accounts.keyDirectory ?? given.accountKeyDirectory,
    };
    await launch("accounts-1", "accounts", accounts, "domains/accounts");
    await launch("gateway-1", "gateway", {
      HEXHOLD_GATEWAY__INSTANCE: "gateway-1",
      HEXHOLD_GATEWAY__HOST: config.gateway.host,
      HEXHOLD_GATEWAY__PORT: String(gatewayPort),
      HEXHOLD_GATEWAY__CONTROL_PORT: String(gatewayControl),
      HEXHOLD_GATEWAY__TOKEN_KEYS_FILE: given.keys.jwksFile,
      ...(given.webRoot === undefined ? {} : { HEXHOLD_GATEWAY__WEB_ROOT: given.webRoot }),
    });
    const httpUrl = `http://${config.gateway.host}:${gatewayPort}`;
    await waitForHttp(
      `${httpUrl}/healthz`,
      readyMsMax,
      () => `gateway-1 is not healthy; see hexctl logs gateway-1, worker-1 and router-1`,
    );
    const bus = createAmqpBus({ url: urls.rabbitmq.url, appId: "host/host" });
    ends.push(() => bus.close());
    const admin = createAccountAdmin(bus);
    ends.push(() => Promise.resolve(admin.close()));
    const host = await serveHost(() => mint, admin, secrets.adminToken, logger);
    ends.push(() => host.stop());
    hostUrl = host.url;
    await connected(bus);
    const mint = await startPlayerMint({
      bus,
      routers: [controlUrl],
      controlToken: secrets.controlToken,
      controlUrl: host.url,
      keys: given.keys,
      logger,
    });
    ends.push(() => mint.stop());
    report();
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
