/** The page of a checkout, built when it is missing or older than what it is made of. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { isThere } from "@hexhold/config";
import { runProgram } from "@hexhold/local-stack";
import { compressFiles } from "./compress-files.ts";

/** What the bundle is made of, beside packages of others: those stand in the lock file. */
const sources = [
  "console/index.html",
  "hexctl/src/world-host/compress-files.ts",
  "console/vite.config.ts",
  "console/package.json",
  "console/public",
  "console/src",
  "client/src",
  "games/reference-client/src",
  "libs/hex/src",
  "gen",
  "pnpm-lock.yaml",
];
const hashFile = ".build-hash";
const buildMsMax = 60_000;

/**
 * Resolves with the folder to serve, or with undefined when there is none and none could be built; `say` is told
 * why. Never rejects: a world without its page is still a world.
 *
 * @param signal ends a build that nobody waits for any more
 */
export async function buildConsole(
  checkout: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const folder = join(checkout, "console");
  const dist = join(folder, "dist");
  try {
    if (!isThere(join(folder, "vite.config.ts"))) return isThere(dist) ? dist : undefined;
    const hash = hashOf(checkout);
    if (builtHash(dist) === hash) return dist;
    const startedMs = performance.now();
    // Built aside and put in place whole: two starts at once do not spoil each other's page.
    const fresh = join(folder, ".build", `dist-${process.pid}`);
    mkdirSync(join(folder, ".build"), { recursive: true });
    await runVite(folder, fresh, signal);
    compressFiles(fresh);
    writeFileSync(join(fresh, hashFile), `${hash}\n`);
    putInPlace(fresh, dist, hash);
    say(`built the page in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    return dist;
  } catch (error) {
    if (signal?.aborted === true) return undefined;
    say(`the page could not be built: ${(error as Error).message}`);
    return isThere(join(dist, "index.html")) ? dist : undefined;
  }
}

function hashOf(checkout: string): string {
  const hash = createHash("sha256");
  for (const file of sources.flatMap((source) => filesIn(join(checkout, source)))) {
    hash.update(relative(checkout, file)).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

/** In a fixed order; tests are no part of the bundle. */
function filesIn(path: string): string[] {
  if (!isThere(path)) return [];
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter(({ name }) => name !== "node_modules" && !name.includes(".test."))
      .map(({ name }) => name)
      .sort()
      .flatMap((name) => filesIn(join(path, name)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTDIR") throw error;
    return [path];
  }
}

function builtHash(dist: string): string | undefined {
  const file = join(dist, hashFile);
  return isThere(file) && isThere(join(dist, "index.html"))
    ? readFileSync(file, "utf8").trim()
    : undefined;
}

/** Another start may have been here first; its page is as good. */
function putInPlace(fresh: string, dist: string, hash: string): void {
  const old = `${fresh}-old`;
  try {
    if (isThere(dist)) renameSync(dist, old);
    renameSync(fresh, dist);
  } catch (error) {
    if (builtHash(dist) !== hash) throw error;
  } finally {
    rmSync(old, { recursive: true, force: true });
    rmSync(fresh, { recursive: true, force: true });
  }
}

async function runVite(
  folder: string,
  outDir: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const vite = createRequire(join(folder, "package.json")).resolve("vite/package.json");
  await runProgram({
    name: "vite build",
    command: process.execPath,
    args: [join(vite, "../bin/vite.js"), "build", "--outDir", outDir, "--logLevel", "error"],
    cwd: folder,
    env: process.env,
    signal,
    timeoutMs: buildMsMax,
  });
}
