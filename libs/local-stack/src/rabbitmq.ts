import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "amqplib";
import {
  startServerProcess,
  waitUntilReady,
  type ServerProcess,
} from "./process/server-process.ts";
import { baseEnvironment } from "./base-environment.ts";
import { startContainerService, type ContainerService } from "./container.ts";
import type { FileLock } from "./file-lock.ts";
import { freePorts } from "./free-ports.ts";
import { findRabbitmq, type RabbitmqBinaries } from "./rabbitmq-binaries.ts";
import { lockServiceData, ownFolder, ServiceDataInUse } from "./service-folder.ts";
import { startPrivateService, type Launched, type ServiceHandle } from "./service-handle.ts";
import type { StartContext } from "./start-context.ts";

/** 4 to 8 s on an idle machine, several times that on a loaded one, and a log to replay after a crash. */
const READY_TIMEOUT_MS = 90_000;
/** The node's name does not hold the machine's: data made under one host name open under another. */
const NODE_NAME = "hexhold@localhost";
const USER = "hexhold";
/** Erlang expressions that are evaluated while it boots. */
const LOCAL_SCRIPT = "local.erl";
const PRELOAD_SCRIPT = "preload.erl";

interface RabbitmqPorts {
  readonly amqp: number;
  readonly management: number;
  readonly distribution: number;
  readonly epmd: number;
}

/**
 * RabbitMQ with management, one generated administrator and no `guest`. It is started by its
 * own script with everything of its own (home and cookie, node name, ports, folders), so
 * that a system-wide RabbitMQ beside it is not touched. Its epmd is ours as well.
 */
export async function startRabbitmq(context: StartContext): Promise<ServiceHandle> {
  const source = await findRabbitmq(context);
  return "engine" in source
    ? await startContainerService(context, source.engine, containerOf(context))
    : await startRabbitmqServer(context, source);
}

function containerOf(context: StartContext): ContainerService {
  const { rabbitmq: password } = context.secrets;
  const common = join(context.checkout, "infra", "rabbitmq", "rabbitmq.conf");
  return {
    name: "rabbitmq",
    image: "rabbitmq:3.13-management",
    port: 5672,
    managementPort: 15_672,
    dataPath: "/var/lib/rabbitmq",
    env: { RABBITMQ_DEFAULT_USER: USER, RABBITMQ_DEFAULT_PASS: password },
    command: [],
    // Its data are found again by the name of the machine.
    flags: [
      "--hostname",
      "hexhold",
      "--volume",
      `${common}:/etc/rabbitmq/conf.d/20-hexhold.conf:ro`,
    ],
    url: (port) => `amqp://${USER}:${password}@127.0.0.1:${port}`,
    managementUrl: (port) => `http://${USER}:${password}@127.0.0.1:${port}`,
    probe: rabbitmqVersion,
  };
}

/**
 * Seen once in some hundred starts: what listens on the port of Erlang's name server never answers
 * (`no_reg_reply_from_epmd`), so the broker ends before it has touched its data. On other ports it starts.
 */
const STARTS_MAX = 2;

async function startRabbitmqServer(
  context: StartContext,
  binaries: RabbitmqBinaries,
): Promise<ServiceHandle> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnFreePorts(context, binaries);
    } catch (error) {
      if (attempt === STARTS_MAX || error instanceof ServiceDataInUse) throw error;
      const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
      context.report("starting", `again, on other ports: ${reason}`);
    }
  }
}

async function startOnFreePorts(
  context: StartContext,
  binaries: RabbitmqBinaries,
): Promise<ServiceHandle> {
  const [amqp = 0, management = 0, distribution = 0, epmd = 0] = await freePorts(4);
  const ports = { amqp, management, distribution, epmd };
  const folder = ownFolder(context.dataDir.path, "rabbitmq");
  const { rabbitmq: password } = context.secrets;
  const url = `amqp://${USER}:${password}@127.0.0.1:${ports.amqp}`;
  writeConfiguration(context, folder, ports, password);
  context.report("starting", binaries.origin);

  let epmdProcess: ServerProcess | undefined;
  const launch = async (): Promise<Launched> => {
    const lock = await lockServiceData("rabbitmq", folder);
    let server: ServerProcess | undefined;
    try {
      if (epmdProcess?.isRunning() !== true) {
        epmdProcess = await startEpmd(context, binaries, folder, ports);
      }
      server = await startBroker(context, binaries, folder, ports, lock).finally(lock.release);
      const version = await waitUntilReady(server, READY_TIMEOUT_MS, () => rabbitmqVersion(url));
      return { processes: [server, epmdProcess], version };
    } catch (error) {
      lock.release();
      await Promise.allSettled([server?.kill(), epmdProcess?.kill()]);
      throw error;
    }
  };
  return await startPrivateService({
    name: "rabbitmq",
    url,
    managementUrl: `http://${USER}:${password}@127.0.0.1:${ports.management}`,
    origin: binaries.origin,
    launch,
    stopBoundMs: 15_000,
    onDeath: context.onDeath,
  });
}

/**
 * Asks a RabbitMQ for its version; fails when it does not answer.
 *
 * Without heartbeats: amqplib 2.3 starts its heartbeat timer before a connection is open and
 * forgets it when the opening fails (a broker that is still booting refuses the virtual
 * host); seconds later the timer throws where nobody can catch it.
 */
export async function rabbitmqVersion(url: string): Promise<string> {
  const probe = new URL(url);
  probe.searchParams.set("heartbeat", "0");
  const connection = await connect(probe.href, { timeout: 2_000 });
  connection.on("error", () => undefined);
  const { product, version } = connection.connection.serverProperties;
  await connection.close();
  return `${product} ${version}`;
}

/**
 * Erlang's name server, in the foreground and recorded. Left to itself the broker would
 * start one as a daemon that outlives it.
 */
function startEpmd(
  context: StartContext,
  binaries: RabbitmqBinaries,
  folder: string,
  ports: RabbitmqPorts,
): Promise<ServerProcess> {
  return startServerProcess({
    name: "epmd",
    command: binaries.epmd,
    args: ["-address", "127.0.0.1", "-port", String(ports.epmd)],
    env: baseEnvironment({ HOME: folder }),
    cwd: folder,
    logFile: join(context.dataDir.logDir, "rabbitmq.log"),
    ledger: context.dataDir.ledger,
    stopSignal: "SIGTERM",
  });
}

function startBroker(
  context: StartContext,
  binaries: RabbitmqBinaries,
  folder: string,
  ports: RabbitmqPorts,
  lock: FileLock,
): Promise<ServerProcess> {
  const logFile = join(context.dataDir.logDir, "rabbitmq.log");
  return startServerProcess({
    name: "rabbitmq",
    command: binaries.server,
    args: [],
    env: baseEnvironment({
      HOME: folder,
      RABBITMQ_NODENAME: NODE_NAME,
      RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
      RABBITMQ_NODE_PORT: String(ports.amqp),
      RABBITMQ_DIST_PORT: String(ports.distribution),
      RABBITMQ_BASE: folder,
      RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
      RABBITMQ_LOG_BASE: join(folder, "log"),
      // Not by way of standard output, which goes there, too: on a full disk that writer ends, and whatever logs waits
      // for it for ever (tried: connections, queues, the whole broker). The one of files drops what it cannot write.
      RABBITMQ_LOGS: logFile,
      // Of all its memory otherwise.
      ERL_CRASH_DUMP_BYTES: "16777216",
      RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
      RABBITMQ_CONF_ENV_FILE: join(folder, "no-rabbitmq-env.conf"),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, "no-advanced.config"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
      RABBITMQ_PID_FILE: join(folder, "pid"),
      ERL_EPMD_PORT: String(ports.epmd),
      ERL_EPMD_ADDRESS: "127.0.0.1",
      // The script then becomes the Erlang VM instead of waiting beside it: one pid to
      // signal, and it is that of beam.smp.
      RUNNING_UNDER_SYSTEMD: "true",
      // In front of everything that the broker's own script adds. Quotes do not get through: a string is a list.
      ERL_AFLAGS: `-eval file:eval([${[...Buffer.from(PRELOAD_SCRIPT)].join(",")}]).`,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
        // Loopback for node-to-node traffic too; its default is every interface.
        "-kernel inet_dist_use_interface {127,0,0,1}",
        // No busy waiting: on a shared machine it burns what the other services need.
        "+sbwt none +sbwtdcpu none +sbwtdio none",
        // On a full disk the write-ahead log of the quorum queues ends, and they have no leader until the broker is
        // restarted (tried). Its file is allocated ahead, so that it lasts until the disk alarm stops publishers.
        "-ra wal_pre_allocate true",
        // Without spaces, as a shell splits it; from the working directory.
        `-eval file:eval("${LOCAL_SCRIPT}").`,
      ].join(" "),
    }),
    cwd: folder,
    logFile,
    ledger: context.dataDir.ledger,
    stopSignal: "SIGTERM",
    lock,
  });
}

/** The common configuration of `infra/rabbitmq` with this instance's addresses and user behind it. */
function writeConfiguration(
  context: StartContext,
  folder: string,
  ports: RabbitmqPorts,
  password: string,
): void {
  const common = join(context.checkout, "infra", "rabbitmq");
  const own = [
    `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
    "management.tcp.ip = 127.0.0.1",
    `management.tcp.port = ${ports.management}`,
    `default_user = ${USER}`,
    `default_pass = ${password}`,
    "",
  ].join("\n");
  const text = `${readFileSync(join(common, "rabbitmq.conf"), "utf8")}\n${own}`;
  writeFileSync(join(folder, "rabbitmq.conf"), text, { mode: 0o600 });
  for (const name of ["enabled_plugins", LOCAL_SCRIPT, PRELOAD_SCRIPT]) {
    copyFileSync(join(common, name), join(folder, name));
  }
}
