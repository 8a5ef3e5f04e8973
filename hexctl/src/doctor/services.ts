/** Where each service would come from on this machine. Nothing is started, installed or fetched. */
import { execFileSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import {
  builtFerretdb,
  findContainerEngine,
  findGo,
  isExecutable,
  mongodbAdvice,
  packagedPostgres,
  postgresAdvice,
  probeExternal,
  rabbitmqAdvice,
  redisAdvice,
  SERVICE_NAMES,
  systemMongod,
  systemPostgres,
  systemRabbitmq,
  systemRedis,
  type NotHere,
  type ServiceName,
} from "@hexhold/local-stack";
import { type Finding, missing, ok, warn } from "./finding.ts";

export interface ServiceSearch {
  readonly checkout: string;
  readonly dataDir: string;
  /** Services that were given by URL. */
  readonly urls: Partial<Record<ServiceName, string>>;
  /** Services without which what is wanted does not start; the others are only warned of. */
  readonly needed: readonly ServiceName[];
}

/** How a service would be had, in words; or why not. */
type Source = { readonly found: string; readonly takes?: string } | NotHere;

export async function serviceFindings(search: ServiceSearch): Promise<Finding[]> {
  return Promise.all(SERVICE_NAMES.map((name) => serviceFinding(name, search)));
}

async function serviceFinding(name: ServiceName, search: ServiceSearch): Promise<Finding> {
  const url = search.urls[name];
  if (url !== undefined) {
    try {
      const { version } = await probeExternal(name, url);
      return ok(`${name}: ${version}, given by URL`);
    } catch (error) {
      return missing(`${name}: given by URL`, (error as Error).message);
    }
  }
  const reasons: string[] = [];
  for (const source of sourcesOf[name](search)) {
    const result = await source();
    if (!("notHere" in result)) {
      const what = `${name}: ${result.found}`;
      return result.takes === undefined ? ok(what) : warn(what, result.takes);
    }
    reasons.push(result.notHere);
  }
  const what = `${name}: ${reasons.join("; ")}`;
  if (search.needed.includes(name)) return missing(what, advice[name]);
  return warn(what, `${advice[name]} Only the cluster profile and npm test need it.`);
}

const advice: Record<ServiceName, string> = {
  postgres: postgresAdvice,
  rabbitmq: `${rabbitmqAdvice} As root on Debian or Ubuntu, --install does it.`,
  redis: `${redisAdvice} As root on Debian or Ubuntu, --install does it.`,
  mongodb: mongodbAdvice,
};

const sourcesOf: Record<
  ServiceName,
  (search: ServiceSearch) => readonly (() => Source | Promise<Source>)[]
> = {
  postgres: () => [
    () => {
      const found = systemPostgres();
      return "notHere" in found
        ? found
        : { found: `${said(join(found.bin, "postgres"))} (${found.origin})` };
    },
    () => {
      const found = packagedPostgres();
      return "notHere" in found ? found : { found: found.origin };
    },
  ],
  rabbitmq: () => [
    () => {
      const found = systemRabbitmq();
      if ("notHere" in found) return found;
      const [, version] = /rabbitmq_server-([\d.]+)/.exec(realpathSync(found.server)) ?? [];
      return { found: `RabbitMQ ${version ?? ""} (${found.origin})` };
    },
    inContainer,
  ],
  redis: () => [
    () => {
      const found = systemRedis();
      return "notHere" in found ? found : { found: `${said(found.file)} (${found.origin})` };
    },
    inContainer,
  ],
  mongodb: ({ checkout, dataDir }) => [
    () => {
      const found = systemMongod();
      return "notHere" in found ? found : { found: `${said(found.file)} (${found.origin})` };
    },
    inContainer,
    () => {
      const { file, version } = builtFerretdb(checkout, dataDir);
      if (isExecutable(file)) return { found: `FerretDB ${version} (built, ${file})` };
      const go = findGo();
      if ("notHere" in go) return go;
      return {
        found: `FerretDB ${version}, not built yet (${go.version})`,
        takes: "The first start builds it, in about a minute.",
      };
    },
  ],
};

async function inContainer(): Promise<Source> {
  const found = await findContainerEngine();
  if ("notHere" in found) return found;
  return {
    found: `in a container (${found.engine})`,
    takes: "The first start fetches the image.",
  };
}

/** What a server says of its version. */
function said(file: string): string {
  try {
    const [line = ""] = execFileSync(file, ["--version"], { encoding: "utf8" }).split("\n");
    return line.split(" sha=")[0] ?? line;
  } catch {
    return file;
  }
}
