import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CHECKOUT, identityOf, isRunning, outsideMark, takeFileLock } from "@hexhold/local-stack";
import { findLeftovers, type LeftoverPlaces } from "./leftovers.ts";
import { diskFinding, memoryFinding, nodeFinding } from "./machine.ts";

let root: string;
let places: LeftoverPlaces;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hexhold-doctor-"));
  places = {
    dataDirs: [join(root, "data")],
    testDirs: [{ parent: join(root, "tests"), name: /^test-/ }],
    outsideRoot: join(root, "outside"),
  };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A data directory as a host leaves it. */
function dataDirOf(path: string, processes: object[] = []): string {
  mkdirSync(join(path, "logs"), { recursive: true });
  writeFileSync(join(path, "lock"), JSON.stringify({ pid: 999_999_999, startedAt: "long ago" }));
  writeFileSync(join(path, "processes.json"), JSON.stringify({ format: 1, processes }));
  return path;
}

function makeOld(dataDir: string): void {
  for (const file of ["", "logs", "processes.json"]) utimesSync(join(dataDir, file), 1, 1);
}

function outsideOf(name: string, dataDir: string): string {
  const folder = join(places.outsideRoot, name);
  mkdirSync(join(folder, "postgres"), { recursive: true });
  writeFileSync(join(folder, outsideMark), dataDir);
  return folder;
}

async function clean(): Promise<void> {
  for (const { remove } of findLeftovers(places)) await remove?.();
}

it("a process that a killed run has left is ended, one of a run that lives is not", async () => {
  const child = spawn("sleep", ["60"]);
  const entry = { name: "postgres", ...identityOf(child.pid!)! };
  try {
    const dataDir = dataDirOf(places.dataDirs[0]!, [entry]);
    const lock = await takeFileLock(join(dataDir, "lock"));
    expect(findLeftovers(places)).toEqual([]);
    lock?.release();
    expect(findLeftovers(places).map(({ what }) => what)).toEqual([
      expect.stringContaining(`postgres (pid ${child.pid})`),
    ]);
    const ended = once(child, "exit");
    await clean();
    await ended;
    expect(isRunning(entry)).toBe(false);
    expect(existsSync(places.dataDirs[0]!)).toBe(true);
  } finally {
    child.kill("SIGKILL");
  }
});

it("a test's data directory is removed when its run is dead and it is old, and only then", async () => {
  const alive = dataDirOf(join(root, "tests/test-1"));
  const lock = await takeFileLock(join(alive, "lock"));
  const young = dataDirOf(join(root, "tests/test-2"));
  const left = dataDirOf(join(root, "tests/test-3"));
  const other = dataDirOf(join(root, "tests/mine"));
  for (const dataDir of [alive, left, other]) makeOld(dataDir);
  await clean();
  expect([alive, young, left, other].map((dataDir) => existsSync(dataDir))).toEqual([
    true,
    true,
    false,
    true,
  ]);
  lock?.release();
});

it("a folder outside is removed when its data directory is gone, not while that or a process is there", async () => {
  const gone = outsideOf("hexhold-000000000001", join(root, "gone"));
  const kept = outsideOf("hexhold-000000000002", join(root, "stopped"));
  mkdirSync(join(root, "stopped"));
  symlinkSync(join(kept, "postgres"), join(root, "stopped/postgres"));
  const used = outsideOf("hexhold-000000000003", join(root, "gone"));
  const child = spawn("sleep", ["60"], { cwd: join(used, "postgres") });
  await once(child, "spawn");
  const unknown = outsideOf("hexhold-000000000004", "");
  rmSync(join(unknown, outsideMark));
  try {
    const said = findLeftovers(places);
    expect(said.filter(({ remove }) => remove === undefined)).toHaveLength(1);
    await clean();
    expect([gone, kept, used, unknown].map((folder) => existsSync(folder))).toEqual([
      false,
      true,
      true,
      true,
    ]);
  } finally {
    child.kill("SIGKILL");
  }
});

it("what the machine lacks is said by how bad it is", () => {
  const mb = 1024 * 1024;
  expect(nodeFinding(CHECKOUT, "22.9.0").state).toBe("missing");
  expect(nodeFinding(CHECKOUT, "24.12.0").state).toBe("ok");
  expect(nodeFinding(CHECKOUT, "24.9.0").state).toBe("missing");
  expect([100, 800, 4000].map((n) => memoryFinding(n * mb).state)).toEqual([
    "missing",
    "warn",
    "ok",
  ]);
  expect([100, 800, 4000].map((n) => diskFinding("x", n * mb).state)).toEqual([
    "missing",
    "warn",
    "ok",
  ]);
});
