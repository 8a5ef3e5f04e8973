import { Command, InvalidArgumentError } from "commander";
import {
  SERVICE_NAMES,
  serviceUrlsFrom,
  startLocalStack,
  withoutPassword,
  type LocalStack,
  type ServiceName,
} from "@hexhold/local-stack";
import { printProgress } from "../host/progress-printer.ts";
import { type Host, runHost, servicesStopMsMax } from "../host/run-host.ts";
import { servicesStatus } from "../host/status-writer.ts";
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
  if (dataDir === undefined) return;
  await runHost({
    dataDir,
    profile: "services",
    outliveParent: options.outliveParent,
    start: (host) => startServices(context, options, host),
  });
}

async function startServices(
  context: CommandContext,
  options: UpOptions,
  { dataDir, status, signal, unwind }: Host,
): Promise<void> {
  const running: { stack?: LocalStack } = {};
  const stack = await startLocalStack({
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
  unwind.add("services", stack.stop, servicesStopMsMax);
  running.stack = stack;
  status.update({ ready: true, services: servicesStatus(stack) });
  printReady(stack);
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
