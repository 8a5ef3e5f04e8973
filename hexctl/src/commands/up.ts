import { Command, InvalidArgumentError } from "commander";
import type { DataDir } from "../data-dir.ts";
import { printProgress } from "../host/progress-printer.ts";
import { openStatus, servicesStatus, type StatusWriter } from "../host/status-writer.ts";
import { awaitStopRequest } from "../host/stop-request.ts";
import { startLocalStack, type LocalStack } from "../local-stack/local-stack.ts";
import { SERVICE_NAMES, withoutPassword, type ServiceName } from "../local-stack/service-handle.ts";
import { serviceUrlsFrom } from "../local-stack/service-urls.ts";
import { removeStatus } from "../status-file.ts";
import type { CommandContext } from "./command-context.ts";
import { openOrSay } from "./open-or-say.ts";

interface UpOptions {
  readonly services: readonly ServiceName[];
  readonly install: boolean;
  readonly outliveParent: boolean;
}

/** `hexctl up`: the services alone, in the foreground. */
export function upCommand(context: CommandContext): Command {
  return new Command("up")
    .description("Start the private services and keep them until Ctrl-C or hexctl stop.")
    .option("--services <names>", "which, comma-separated", parseServices, [...SERVICE_NAMES])
    .option("--install", "install missing system packages (apt-get, as root)", false)
    .option("--outlive-parent", "go on when the process that started it is gone", false)
    .action((options: UpOptions) => up(context, options));
}

async function up(context: CommandContext, options: UpOptions): Promise<void> {
  const dataDir = await openOrSay(context);
  if (dataDir === undefined) {
    return;
  }
  const stopRequest = awaitStopRequest(options);
  const cancel = new AbortController();
  const status = openStatus(dataDir.statusFile, "services");
  try {
    const starting = startStack(context, options, dataDir, status, cancel.signal);
    const first = await Promise.race([starting, stopRequest.requested]);
    if (typeof first === "string") {
      // Nothing of value runs yet, and waiting for a start in order to stop helps nobody.
      console.log(`Stopping (${first}).`);
      cancel.abort();
      dataDir.ledger.endAllNow();
      await starting.then((stack) => stack.kill()).catch(() => undefined);
      return;
    }
    status.update({ ready: true, services: servicesStatus(first) });
    printReady(first);
    console.log(`Stopping (${await stopRequest.requested}).`);
    stopRequest.onSecond(dataDir.ledger.endAllNow);
    status.update({ ready: false });
    await first.stop();
    console.log("Stopped.");
  } finally {
    stopRequest.end();
    removeStatus(dataDir.statusFile);
    dataDir.close();
  }
}

async function startStack(
  context: CommandContext,
  options: UpOptions,
  dataDir: DataDir,
  status: StatusWriter,
  signal: AbortSignal,
): Promise<LocalStack> {
  const running: { stack?: LocalStack } = {};
  const started = await startLocalStack({
    dataDir,
    services: options.services,
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
  running.stack = started;
  return started;
}

function printReady(stack: LocalStack): void {
  console.log("ready");
  for (const { name, url, managementUrl } of Object.values(stack.services)) {
    console.log(`  ${name.padEnd(8)}  ${withoutPassword(url)}`);
    if (managementUrl !== undefined) {
      console.log(`  ${"".padEnd(8)}  ${withoutPassword(managementUrl)} (management)`);
    }
  }
  console.log("With passwords: hexctl status --json");
}

function parseServices(text: string): ServiceName[] {
  return text.split(",").map((name) => {
    const known = SERVICE_NAMES.find((each) => each === name.trim());
    if (known === undefined) {
      throw new InvalidArgumentError(`"${name}" is none of ${SERVICE_NAMES.join(", ")}`);
    }
    return known;
  });
}
