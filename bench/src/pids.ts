/** Which processes a row counts. */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { World } from "@hexhold/testing";
import type { Baseline } from "./baseline/start.ts";

/** By the name under which a row shows it. */
export type Pids = Readonly<Record<string, number>>;

function servicePids(of: World): Pids {
  const { services } = of.status();
  return {
    postgres: services["postgres"]!.pid!,
    rabbitmq: services["rabbitmq"]!.pid!,
    load: process.pid,
  };
}

export function clusterPids(of: World): Pids {
  return {
    gateway: of.pidOf("gateway-1"),
    worker: of.pidOf("worker-1"),
    router: of.pidOf("router-1"),
    ...servicePids(of),
    ...mongodbPids(of),
  };
}

export function baselinePids(of: Baseline, on: World): Pids {
  return { gateway: of.gatewayPid, worker: of.workerPid, ...servicePids(on) };
}

export function embeddedPids(of: World): Pids {
  const { pid, services } = of.status();
  return { world: pid, postgres: services["postgres"]!.pid!, load: process.pid };
}

/** FerretDB stands before a PostgreSQL of its own, which only the ledger of processes knows. */
function mongodbPids(of: World): Pids {
  const ledger = path.join(of.dataDir, "processes.json");
  const entries = JSON.parse(readFileSync(ledger, "utf8")) as LedgerFile;
  const found = entries.processes.filter(({ name }) => name.startsWith("mongodb"));
  return Object.fromEntries(found.map(({ name, pid }) => [name, pid]));
}

interface LedgerFile {
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}
