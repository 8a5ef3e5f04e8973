import { Command } from "commander";
import { ledgerFileOf, lockOwner, statusFileOf } from "../data-dir.ts";
import { SERVICE_NAMES, withoutPassword, type ServiceName } from "../local-stack/service-handle.ts";
import { isRunning } from "../process/process-identity.ts";
import { readLedger } from "../process/process-ledger.ts";
import { readStatus, type Status } from "../status-file.ts";
import type { CommandContext } from "./command-context.ts";

/** `hexctl status`: exit code 0 when something runs, 1 when nothing does. */
export function statusCommand(context: CommandContext): Command {
  return new Command("status")
    .description("Show what runs. With --json the whole status file, passwords included.")
    .option("--json", "as JSON; null when nothing runs", false)
    .action((options: { json: boolean }) => {
      const status = runningStatus(context.dataDir);
      context.exitCode = status === undefined ? 1 : 0;
      if (options.json) {
        console.log(JSON.stringify(status ?? null, undefined, 2));
      } else if (status === undefined) {
        sayNothingRuns(context.dataDir);
      } else {
        printTable(status);
      }
    });
}

/** The status of a live host; that of a killed one does not count. */
function runningStatus(dataDir: string): Status | undefined {
  const owner = lockOwner(dataDir);
  const status = readStatus(statusFileOf(dataDir));
  return owner !== undefined && owner.pid === status?.pid ? status : undefined;
}

function sayNothingRuns(dataDir: string): void {
  const left = readLedger(ledgerFileOf(dataDir)).filter((entry) => isRunning(entry));
  console.log(`Nothing runs in ${dataDir}.`);
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
