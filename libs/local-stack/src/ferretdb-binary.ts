import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findBinary, isExecutable } from "./find-binary.ts";
import { cacheFolder } from "./cache-folder.ts";
import { notHere, type NotHere } from "./resolution.ts";
import type { StartContext } from "./start-context.ts";

const run = promisify(execFile);

export interface FerretdbBinary {
  readonly file: string;
  /** Of FerretDB, from go.mod: the binary cannot tell. */
  readonly version: string;
  readonly origin: string;
}

/** What FerretDB 1.24 needs; Debian 12's own Go (1.19) is too old. */
const GO_MIN = [1, 24] as const;
/** On an empty module and build cache it takes about a minute on two cores. */
const BUILD_TIMEOUT_MS = 600_000;

/**
 * The binary of `infra/ferretdb`: the one built earlier from the same sources, else a new one.
 * It is kept in the user's cache (HEXHOLD_CACHE_DIR, XDG_CACHE_HOME, ~/.cache), so that
 * neither a second data directory nor a second checkout builds it again.
 */
export async function findFerretdb(context: StartContext): Promise<FerretdbBinary | NotHere> {
  const built = builtFerretdb(context.checkout, context.dataDir.path);
  const { file, source, version } = built;
  if (isExecutable(file)) {
    return { file, version, origin: `build (cached) ${file}` };
  }
  const go = findGo();
  if ("notHere" in go) {
    return go;
  }
  context.report("working", `building FerretDB with ${go.version} (about a minute, once)`);
  const draft = `${file}.${process.pid}.new`;
  try {
    await run(go.file, ["build", "-trimpath", "-ldflags=-s -w", "-o", draft, "."], {
      cwd: source,
      timeout: BUILD_TIMEOUT_MS,
      signal: context.signal,
      maxBuffer: 16 * 1024 * 1024,
      env: {
        ...process.env,
        // Go finds its caches through HOME, which a CI machine may not set.
        HOME: homedir(),
        CGO_ENABLED: "0",
      },
    });
    renameSync(draft, file);
    return { file, version, origin: `build ${go.version} ${file}` };
  } catch (error) {
    rmSync(draft, { force: true });
    const detail = error instanceof Error ? error.message.trim().slice(-600) : String(error);
    return notHere(`go build in ${source} failed: ${detail}`);
  }
}

/** Where the build of these sources lies, or would. */
export function builtFerretdb(
  checkout: string,
  dataDir: string,
): { readonly file: string; readonly source: string; readonly version: string } {
  const source = join(checkout, "infra", "ferretdb");
  const file = join(cacheFolder(join(dataDir, "bin")), `ferretdb-${hashOfSources(source)}`);
  return { file, source, version: moduleVersion(source) };
}

function hashOfSources(source: string): string {
  const hash = createHash("sha256");
  for (const name of ["main.go", "go.mod", "go.sum"]) {
    hash.update(readFileSync(join(source, name))).update("\0");
  }
  return hash.update(`${process.platform}-${process.arch}`).digest("hex").slice(0, 16);
}

function moduleVersion(source: string): string {
  const text = readFileSync(join(source, "go.mod"), "utf8");
  return /FerretDB\/FerretDB v(\S+)/.exec(text)?.[1] ?? "?";
}

/** A Go that is new enough. */
export function findGo(): { file: string; version: string } | NotHere {
  const file = findBinary("go", ["/usr/local/go/bin", "/opt/homebrew/bin", "/usr/lib/go/bin"]);
  if (file === undefined) {
    return notHere("no go on PATH or in /usr/local/go (FerretDB is built with it)");
  }
  const text = execFileSync(file, ["version"], { encoding: "utf8" });
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(text) ?? [];
  const isEnough =
    Number(major) > GO_MIN[0] || (Number(major) === GO_MIN[0] && Number(minor) >= GO_MIN[1]);
  return isEnough
    ? { file, version: `Go ${major}.${minor}` }
    : notHere(`${file} is ${text.trim()}; FerretDB needs Go ${GO_MIN.join(".")} or newer`);
}
