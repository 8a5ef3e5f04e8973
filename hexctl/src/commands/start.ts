import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { migrate } from "@hexhold/postgres";
import { createLogger } from "@hexhold/telemetry";
import type { DataDir } from "../data-dir.ts";
import { openStatus, servicesStatus, type StatusWriter } from "../host/status-writer.ts";
import { awaitStopRequest } from "../host/stop-request.ts";
import { printProgress } from "../host/progress-printer.ts";
import { type LocalStack, startLocalStack } from "../local-stack/local-stack.ts";
import type { ServiceName } from "../local-stack/service-handle.ts";
import { serviceUrlsFrom } from "../local-stack/service-urls.ts";
import { removeStatus } from "../status-file.ts";
import { loadAccessKeys } from "../world-host/access-keys.ts";
import { buildConsole } from "../world-host/build-console.ts";
import { loadHostSecrets, urlOfRole } from "../world-host/role-passwords.ts";
import { startCluster } from "../world-host/start-cluster.ts";
import { startEmbedded } from "../world-host/start-embedded.ts";
import { readWorldConfig } from "../world-host/world-config.ts";
import type { ClusterCounts, WorldHost, WorldStart } from "../world-host/world-host.ts";
import type { CommandContext } from "./command-context.ts";
import { openOrSay } from "./open-or-say.ts";
import { wholeNumber } from "./whole-number.ts";

type Profile = "embedded" | "cluster";

interface StartOptions extends ClusterCounts {
  readonly profile: Profile;
  readonly install: boolean;
  readonly outliveParent: boolean;
}

const stopWhileStartingMsMax = 5000;

const servicesOf: Record<Profile, readonly ServiceName[]> = {
  embedded: ["postgres"],
  cluster: ["postgres", "rabbitmq", "redis", "mongodb"],
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
    .option("--install", "install missing system packages (apt-get, as root)", false)
    .option("--outlive-parent", "go on when the process that started it is gone", false)
    .action((options: StartOptions) => startWorld(context, options));
}

/** A development machine; a larger cluster is not started by one host. */
const processesMax = 16;

async function startWorld(context: CommandContext, options: StartOptions): Promise<void> {
  const { profile, workers, gateways, routers } = options;
  if (profile === "embedded" && workers + gateways + routers > 3) {
    throw new Error("Several workers, gateways or routers need --profile cluster.");
  }
  const startedMs = performance.now();
  const dataDir = await openOrSay(context);
  if (dataDir === undefined) return;
  const stopRequest = awaitStopRequest(options);
  const status = openStatus(dataDir.statusFile, options.profile);
  const say = (line: string): void => {
    console.log(`${seconds(performance.now() - startedMs).padStart(8)}  ${line}`);
  };
  try {
    const starting = bringUp(context, options, dataDir, status, say);
    const first = await Promise.race([starting, stopRequest.requested]);
    if (typeof first === "string") {
      console.log(`Stopping (${first}).`);
      dataDir.ledger.endAllNow();
      // A start that hangs in something that has just been ended must not keep the host.
      await Promise.race([
        starting.then(({ stack }) => stack.kill()).catch(() => undefined),
        new Promise((resolve) => setTimeout(resolve, stopWhileStartingMsMax)),
      ]);
      // Nor may what it has left open.
      setTimeout(() => process.exit(), 500).unref();
      return;
    }
    const { world, stack } = first;
    status.update({ ready: true, endpoints: world.endpoints, processes: world.processes });
    await Promise.race([printReady(world, startedMs), stopRequest.requested]);
    console.log(`Stopping (${await stopRequest.requested}).`);
    stopRequest.onSecond(dataDir.ledger.endAllNow);
    status.update({ ready: false });
    await world.stop();
    await stack.stop();
    console.log("Stopped.");
  } finally {
    stopRequest.end();
    removeStatus(dataDir.statusFile);
    dataDir.close();
  }
}

async function bringUp(
  context: CommandContext,
  options: StartOptions,
  dataDir: DataDir,
  status: StatusWriter,
  say: (line: string) => void,
): Promise<{ world: WorldHost; stack: LocalStack }> {
  const config = readWorldConfig(context.checkout, context.env);
  const webRoot = buildConsole(context.checkout, say);
  const stack: LocalStack = await startLocalStack({
    dataDir,
    services: servicesOf[options.profile],
    urls: serviceUrlsFrom(context.env),
    install: options.install,
    onProgress(progress) {
      printProgress(progress);
      if (progress.phase === "restarted") status.update({ services: servicesStatus(stack) });
    },
  });
  try {
    status.update({ services: servicesStatus(stack) });
    const secrets = loadHostSecrets(dataDir.path);
    const adminUrl = stack.service("postgres").url;
    const applied = await migrate({
      adminUrl,
      directory: join(context.checkout, "infra/pg_migrations"),
      passwordOf: (role) => secrets.roles[role],
    });
    say(applied.length === 0 ? "schemas are up to date" : `applied ${applied.join(", ")}`);
    status.update({
      adminToken: secrets.adminToken,
      sql: {
        readOnlyUrl: urlOfRole(
          adminUrl,
          "hexhold_readonly",
          secrets.roles["hexhold_readonly"] ?? "",
        ),
      },
    });
    const destination = logFile(dataDir);
    const start: WorldStart = {
      checkout: context.checkout,
      counts: options,
      env: context.env,
      config,
      stack,
      secrets,
      keys: await loadAccessKeys(dataDir.path),
      accountKeyDirectory: join(dataDir.path, "account-keys"),
      webRoot: await webRoot,
      logger: createLogger({ service: "host", instance: "host", destination }),
      loggerOf: (service, instance, level) =>
        createLogger({ service, instance, level, destination }),
      onProcesses: (processes: WorldHost["processes"]) => status.update({ processes }),
      say,
    };
    const world = await (options.profile === "embedded"
      ? startEmbedded(start)
      : startCluster(start));
    return { world, stack };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** One line a call, written at once: a crash loses none. */
function logFile(dataDir: DataDir): { write(line: string): void } {
  const handle = openSync(join(dataDir.logDir, "host.log"), "a", 0o600);
  return { write: (line) => void writeSync(handle, line) };
}

async function printReady(world: WorldHost, startedMs: number): Promise<void> {
  const [guest] = await world.mint.mint({ count: 1, key: "", accountId: "", ttlS: 86_400 });
  console.log(`ready in ${seconds(performance.now() - startedMs)}`);
  console.log(`  play      ${world.endpoints.http}/#token=${guest?.token ?? ""}`);
  console.log(`  sockets   ${world.endpoints.ws}`);
  console.log(`  admin     ${world.endpoints.admin} (token: hexctl status --json)`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
