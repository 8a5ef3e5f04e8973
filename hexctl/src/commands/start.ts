import { closeSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { Command, Option } from "commander";
import { environmentName, osReason, type Unwind } from "@hexhold/config";
import { migrate, SchemaVersionError } from "@hexhold/postgres";
import { createLineWriter, createLogger, type LineWriter } from "@hexhold/telemetry";
import {
  serviceUrlsFrom,
  startLocalStack,
  type DataDir,
  type LocalStack,
  type ServiceName,
} from "@hexhold/local-stack";
import { lockDatabase } from "../host/database-lock.ts";
import { tellFault } from "../host/faults.ts";
import { type Host, runHost, servicesStopMsMax, worldStopMsMax } from "../host/run-host.ts";
import { servicesStatus } from "../host/status-writer.ts";
import { printProgress } from "../host/progress-printer.ts";
import { loadAccessKeys } from "../world-host/access-keys.ts";
import { buildConsole } from "../world-host/build-console.ts";
import { loadHostSecrets, urlOfRole } from "../world-host/role-passwords.ts";
import { readWorldName } from "../world-name.ts";
import { readWorldConfig } from "../world-host/world-config.ts";
import { loadWorldGame, rememberGame } from "../world-host/world-game.ts";
import type { ClusterCounts, WorldHost, WorldStart } from "../world-host/world-host.ts";
import type { CommandContext } from "./command-context.ts";
import { openOrSay } from "./open-or-say.ts";
import { wholeNumber } from "./whole-number.ts";

type Profile = "embedded" | "cluster";

interface StartOptions extends ClusterCounts {
  readonly profile: Profile;
  /** Absolute path, or a `file:` URL. */
  readonly game?: string;
  readonly install: boolean;
  readonly outliveParent: boolean;
}

const servicesOf: Record<Profile, readonly ServiceName[]> = {
  embedded: ["postgres"],
  cluster: ["postgres", "rabbitmq", "redis", "mongodb"],
};

/** One of the two is used, and loading the services of the embedded profile takes as long as a cluster's host does. */
const startProfile: Record<Profile, (start: WorldStart) => Promise<WorldHost>> = {
  embedded: async (start) => (await import("../world-host/start-embedded.ts")).startEmbedded(start),
  cluster: async (start) => (await import("../world-host/start-cluster.ts")).startCluster(start),
};

/** `hexctl start`: a whole world in the foreground; the main job of the repository. */
export function startCommand(context: CommandContext): Command {
  return new Command("start")
    .description("Start a world and keep it until Ctrl-C or hexctl stop.")
    .addOption(
      new Option("--profile <profile>", "one process, or one per service on four real services")
        .choices(["embedded", "cluster"])
        .default("embedded"),
    )
    .option(
      "--game <folder>",
      "a package, or a module, that exports createGame; default: the one of the last start, or game.module",
      placeOf,
    )
    .option(
      "--workers <number>",
      "cluster: processes that host hexes",
      wholeNumber(processesMax),
      1,
    )
    .option(
      "--gateways <number>",
      "cluster: processes that players connect to",
      wholeNumber(processesMax),
      1,
    )
    .option(
      "--routers <number>",
      "cluster: one leads, the others stand by",
      wholeNumber(processesMax),
      1,
    )
    .option(
      "--domains <number>",
      "cluster: processes of each domain service (accounts, inventory, market, governance, chat); they compete, any may die",
      wholeNumber(processesMax),
      1,
    )
    .option("--install", "install missing system packages (apt-get, as root)", false)
    .option("--outlive-parent", "go on when the process that started it is gone", false)
    .action((options: StartOptions) => startWorld(context, options));
}

/** As people name a game, from where they are. */
function placeOf(text: string): string {
  return text.startsWith("file:") ? text : resolve(text);
}

/** A development machine; a larger cluster is not started by one host. */
const processesMax = 16;

async function startWorld(context: CommandContext, options: StartOptions): Promise<void> {
  const { profile, workers, gateways, routers, domains } = options;
  if (environmentName(context.env) === "prod") {
    throw new Error(
      "hexctl start makes a development world, with private services and keys of its own: with HEXHOLD_ENV=prod " +
        "run each service by itself (docs/operations.md), or unset HEXHOLD_ENV.",
    );
  }
  if (profile === "embedded" && workers + gateways + routers + domains > 4) {
    throw new Error("Several workers, gateways, routers or domains need --profile cluster.");
  }
  const startedMs = performance.now();
  const dataDir = await openOrSay(context);
  if (dataDir === undefined) return;
  const say = (line: string): void => {
    console.log(`${seconds(performance.now() - startedMs).padStart(8)}  ${line}`);
  };
  await runHost({
    dataDir,
    profile,
    outliveParent: options.outliveParent,
    async start(host) {
      const world = await bringUp(context, options, host, say);
      host.status.update({
        ready: true,
        endpoints: world.endpoints,
        processes: world.processes,
      });
      await printReady(world, startedMs);
    },
  });
}

async function bringUp(
  context: CommandContext,
  options: StartOptions,
  { dataDir, status, unwind, signal }: Host,
  say: (line: string) => void,
): Promise<WorldHost> {
  const config = readWorldConfig({ ...context, givenGame: options.game });
  const game = await loadWorldGame(config.game, context.checkout);
  const webRoot = buildConsole(context.checkout, say, signal);
  const running: { stack?: LocalStack } = {};
  const stack = await startLocalStack({
    dataDir,
    services: servicesOf[options.profile],
    urls: serviceUrlsFrom(context.env),
    install: options.install,
    signal,
    onProgress(progress) {
      printProgress(progress);
      // One service may die and come back while another is still starting.
      if (progress.phase === "restarted" && running.stack !== undefined) {
        status.update({ services: servicesStatus(running.stack) });
      }
    },
  });
  unwind.add("services", stack.stop, servicesStopMsMax);
  running.stack = stack;
  status.update({ services: servicesStatus(stack) });
  const secrets = loadHostSecrets(dataDir.path);
  const adminUrl = stack.service("postgres").url;
  const databaseLock = await lockDatabase(adminUrl, tellFault);
  unwind.add("lock of the database", databaseLock.release);
  const applied = await migrate({
    adminUrl,
    directory: join(context.checkout, "infra/pg_migrations"),
    passwordOf: (role) => secrets.roles[role],
    loginSuffix: secrets.loginSuffix,
  }).catch((error: unknown) => {
    if (error instanceof SchemaVersionError) throw error;
    throw new Error(`The schemas cannot be brought up to date: ${osReason(error)}`, {
      cause: error,
    });
  });
  say(applied.length === 0 ? "schemas are up to date" : `applied ${applied.join(", ")}`);
  status.update({ world: await readWorldName(adminUrl) });
  const readOnlyUrl = urlOfRole(adminUrl, "hexhold_readonly", secrets);
  status.update({ adminToken: secrets.adminToken, sql: { readOnlyUrl } });
  const destination = openHostLog(dataDir, unwind);
  const start: WorldStart = {
    checkout: context.checkout,
    counts: options,
    env: context.env,
    config,
    game,
    stack,
    secrets,
    keys: await loadAccessKeys(dataDir.path),
    accountKeyDirectory: join(dataDir.path, "account-keys"),
    webRoot: await webRoot,
    logger: createLogger({ service: "host", instance: "host", destination }),
    loggerOf: (service, instance, level) => createLogger({ service, instance, level, destination }),
    onProcesses: (processes, failing = []) => status.update({ processes, failing }),
    say,
  };
  const world = await startProfile[options.profile](start);
  unwind.add("world", () => world.stop(), worldStopMsMax);
  // Only now is it certain that the world takes it.
  if (options.game !== undefined) rememberGame(dataDir.path, options.game);
  return world;
}

/** The host's own log, and that of the services inside it. It is kept bounded as all logs in that folder are. */
function openHostLog(dataDir: DataDir, unwind: Unwind): LineWriter {
  const handle = openSync(join(dataDir.logDir, "host.log"), "a", 0o600);
  unwind.add("log", () => closeSync(handle));
  return createLineWriter(handle);
}

async function printReady(world: WorldHost, startedMs: number): Promise<void> {
  const play = await guestAddress(world);
  console.log(`ready in ${seconds(performance.now() - startedMs)}`);
  console.log(`  play      ${play}`);
  console.log(`  sockets   ${world.endpoints.ws}`);
  console.log(`  admin     ${world.endpoints.admin} (token: hexctl status --json)`);
}

/** Or why there is no guest: where nobody can be born, those who live there already can play all the same. */
async function guestAddress({ mint, endpoints }: WorldHost): Promise<string> {
  try {
    const [guest] = await mint.mint({ count: 1, key: "", accountId: "", ttlS: 86_400 });
    return `${endpoints.http}/#token=${guest?.token ?? ""}`;
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    if (code !== Code.FailedPrecondition && code !== Code.ResourceExhausted) throw error;
    return `${endpoints.http} (no guest: ${rawMessage})`;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
