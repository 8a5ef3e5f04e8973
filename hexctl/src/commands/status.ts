import { Command } from "commander";
import {
  isRunning,
  ledgerFileOf,
  readLedger,
  SERVICE_NAMES,
  withoutPassword,
  type ServiceName,
} from "@hexhold/local-stack";
import { runningStatus } from "../running-status.ts";
import type { Status } from "../status-file.ts";
import { readWarnings, warningLines } from "../warnings.ts";
import type { CommandContext } from "./command-context.ts";
import { readWorldView, type WorldView, worldLines } from "./world-view.ts";

/** `hexctl status`: exit code 0 when something runs, 1 when nothing does. */
export function statusCommand(context: CommandContext): Command {
  return new Command("status")
    .description(
      "Show what runs: processes, slots and their owners, queues. With --json the whole status file, passwords included.",
    )
    .option("--json", "as JSON; null when nothing runs", false)
    .option("--watch", "again every second, with rates, until Ctrl-C", false)
    .action(async (options: { json: boolean; watch: boolean }) => {
      const status = runningStatus(context.dataDir);
      context.exitCode = status === undefined ? 1 : 0;
      if (options.json) {
        console.log(JSON.stringify(status ?? null, undefined, 2));
      } else if (status === undefined) {
        sayNothingRuns(context.dataDir);
      } else if (options.watch) {
        await watch(context.dataDir);
      } else {
        printTable(status);
        for (const line of await linesOf(status)) console.log(line);
        for (const line of warningLines(await readWarnings(status))) console.log(line);
      }
    });
}

const watchEveryMs = 1000;
/** Home, and nothing below. */
const clearScreen = "\u001B[H\u001B[J";

async function watch(dataDir: string): Promise<void> {
  let before: { readonly view: WorldView; readonly atMs: number } | undefined;
  for (;;) {
    const status = runningStatus(dataDir);
    if (status === undefined) return sayNothingRuns(dataDir);
    const view = await viewOf(status);
    const atMs = performance.now();
    if (process.stdout.isTTY) process.stdout.write(clearScreen);
    printTable(status);
    const since =
      before === undefined
        ? undefined
        : { view: before.view, seconds: (atMs - before.atMs) / 1000 };
    const lines = typeof view === "string" ? [view] : worldLines(view, since);
    for (const line of lines) console.log(line);
    for (const line of warningLines(await readWarnings(status))) console.log(line);
    before = typeof view === "string" ? before : { view, atMs };
    await new Promise((resolve) => setTimeout(resolve, watchEveryMs));
  }
}

async function linesOf(status: Status): Promise<string[]> {
  if (status.endpoints.admin === undefined) return [];
  const view = await viewOf(status);
  return typeof view === "string" ? [view] : worldLines(view);
}

/** Or why there is none. */
async function viewOf(status: Status): Promise<WorldView | string> {
  try {
    return await readWorldView(status);
  } catch (error) {
    return `  slots and queues are not known now: ${(error as Error).message}`;
  }
}

function sayNothingRuns(dataDir: string): void {
  console.log(`Nothing runs in ${dataDir}.`);
  const left = readLedger(ledgerFileOf(dataDir)).filter((entry) => isRunning(entry));
  if (left.length > 0) {
    const names = left.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ");
    console.log(
      `A run that was killed has left ${names}: hexctl stop, or the next start, ends it.`,
    );
  }
}

function printTable(status: Status): void {
  const state = status.ready ? "ready" : "not ready";
  console.log(`${status.profile}, ${state}, since ${status.startedAt}, pid ${status.pid}`);
  const rows = [
    ...Object.entries(status.endpoints).map(([name, url = ""]) => [name, "", url, ""]),
    ...SERVICE_NAMES.flatMap((name) => {
      const service = status.services[name];
      return service === undefined ? [] : [serviceRow(name, service)];
    }),
    ...status.processes.map(({ name, pid, controlUrl, kind }) => [
      name,
      String(pid),
      controlUrl ?? "",
      kind,
    ]),
  ];
  const widths = [0, 1, 2].map((column) =>
    Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of rows) {
    console.log(
      `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
    );
  }
}

function serviceRow(
  name: ServiceName,
  { pid, url, version }: NonNullable<Status["services"][ServiceName]>,
): string[] {
  return [name, pid === undefined ? "external" : String(pid), withoutPassword(url), version];
}
