/** What the machine itself must have: Node, memory, disk, ports. */
import { readFileSync, statfsSync } from "node:fs";
import { freemem } from "node:os";
import { dirname, join } from "node:path";
import { isThere } from "@hexhold/config";
import { isPortFree } from "@hexhold/local-stack";
import type { Status } from "../status-file.ts";
import { type Finding, missing, ok, warn } from "./finding.ts";

const mb = 1024 * 1024;
/** A cluster of one process each with its four services takes about 1.2 GB; the embedded profile a third. */
const memoryWanted = 1500 * mb;
const memoryNeeded = 400 * mb;
const diskWanted = 2000 * mb;
const diskNeeded = 300 * mb;

/** The Node that runs this, against `engines` of the checkout's package.json. */
export function nodeFinding(checkout: string, version = process.versions.node): Finding {
  const { engines } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as {
    engines: { node: string };
  };
  const [wanted = ""] = /[\d.]+/.exec(engines.node) ?? [];
  return isAtLeast(version, wanted)
    ? ok(`Node ${version}`)
    : missing(
        `Node ${version}`,
        `Node ${wanted} or newer is needed; on Linux (x64, arm64) "npm start" brings it, elsewhere install it.`,
      );
}

function isAtLeast(version: string, wanted: string): boolean {
  return version.localeCompare(wanted, "en", { numeric: true }) >= 0;
}

export function memoryFinding(available = availableMemory()): Finding {
  const what = `${Math.round(available / mb)} MB of memory available`;
  if (available < memoryNeeded)
    return missing(what, "End something: PostgreSQL and one process need 400 MB.");
  if (available < memoryWanted)
    return warn(what, "Enough for the embedded profile; a cluster wants 1.5 GB.");
  return ok(what);
}

/** Of Linux the figure that counts caches in; elsewhere what is free. */
function availableMemory(): number {
  try {
    const [, kb] = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8")) ?? [];
    return kb === undefined ? freemem() : Number(kb) * 1024;
  } catch {
    return freemem();
  }
}

/** Where the data directory lies, or will. */
export function diskFinding(dataDir: string, available = availableDisk(dataDir)): Finding {
  const what = `${Math.round(available / mb)} MB of disk free for ${dataDir}`;
  const move = "Free some, or move the data with HEXHOLD_DATA_DIR.";
  if (available < diskNeeded) return missing(what, move);
  return available < diskWanted ? warn(what, move) : ok(what);
}

function availableDisk(dataDir: string): number {
  let folder = dataDir;
  while (!isThere(folder) && folder !== dirname(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** The first choice of gateway and admin API, unless configured otherwise. */
export async function portFindings(
  ports: Readonly<Record<string, number>>,
  status: Status | undefined,
): Promise<Finding[]> {
  return Promise.all(
    Object.entries(ports).map(async ([name, port]) => {
      if (port === 0) return ok(`port of the ${name}: any that is free`);
      if (await isPortFree(port)) return ok(`port ${port} (${name}) is free`);
      const urls = Object.values(status?.endpoints ?? {});
      return urls.some((url) => url !== undefined && new URL(url).port === String(port))
        ? ok(`port ${port} (${name}) is the running world's`)
        : warn(
            `port ${port} (${name}) is taken by somebody else`,
            "Another free one is used; hexctl status says which.",
          );
    }),
  );
}
