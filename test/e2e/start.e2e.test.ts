/** `hexctl start` as a user has it: ready soon, once per data directory, and nothing left behind however it ends. */
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { EnterSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { GatherSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { hexAt, hexText, parseKeyText } from "@hexhold/hex";
import { joinPlayer, type Player, startWorld, type World, withPostgres } from "@hexhold/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const goneMsMax = 5000;
const root = path.resolve(import.meta.dirname, "../..");

let dataDir: string;
let world: World;
/** The data directory, and what of it lies elsewhere. */
let places: Set<string>;

beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), "hexhold-start-"));
  places = new Set([dataDir]);
});
afterEach(async () => {
  await world.stop();
  await hexctl("stop");
  for (const place of places) rmSync(place, { recursive: true, force: true });
});

async function start(profile: "embedded" | "cluster"): Promise<World> {
  world = await startWorld({ profile, dataDir });
  for (const entry of readdirSync(dataDir, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    places.add(path.dirname(readlinkSync(path.join(dataDir, entry.name))));
  }
  return world;
}

interface Ended {
  readonly exitCode: number;
  readonly output: string;
}

async function hexctl(...args: string[]): Promise<Ended> {
  const command = [path.join(root, "hexctl/src/main.ts"), ...args];
  const env = { ...process.env, HEXHOLD_DATA_DIR: dataDir };
  return await new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      command,
      { cwd: root, env, timeout: 60_000 },
      (_error, stdout, stderr) =>
        resolve({ exitCode: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
}

/** Pids of what names one of `places` in its environment, command line or working directory. */
function pidsOfWorld(): number[] {
  const reads = [
    (folder: string) => readFileSync(`${folder}/environ`, "utf8"),
    (folder: string) => readFileSync(`${folder}/cmdline`, "utf8"),
    (folder: string) => readlinkSync(`${folder}/cwd`),
  ];
  const names = (folder: string, read: (folder: string) => string): boolean => {
    try {
      const text = read(folder);
      return [...places].some((place) => text.includes(place));
    } catch {
      return false; // It has ended, or is another user's.
    }
  };
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => reads.some((read) => names(`/proc/${pid}`, read)))
    .map(Number);
}

/** Of the host, its processes and its services, as the status file says. */
function pidsOfStatus(): number[] {
  const { pid, processes, services } = world.status();
  const all = [pid, ...[...processes, ...Object.values(services)].map((item) => item.pid)];
  return [...new Set(all)].filter((item) => item !== undefined);
}

async function expectNothingLeft(): Promise<void> {
  await expect.poll(pidsOfWorld, { timeout: goneMsMax, interval: 50 }).toEqual([]);
  expect(existsSync(path.join(dataDir, "status.json"))).toBe(false);
}

const command = {
  enter: toBinary(EnterSchema, create(EnterSchema)),
  gather: toBinary(GatherSchema, create(GatherSchema, { resource: Resource.WOOD, amount: 1n })),
};

/** A player far from the spawn cell, where each start lets a guest be born. */
async function mintPlayer(): Promise<Player> {
  return (await world.mint(1, hexText(hexAt(48.1, 11.6))))[0]!;
}

/** Lets a player enter its hex, unless it is there already, and gather three times. */
async function play(player: Player, isThere = false): Promise<void> {
  const joined = await joinPlayer(world.status().endpoints.ws, player);
  const done = isThere ? [] : [await joined.command("cmd.hex.enter", command.enter)];
  for (let n = 0; n < 3; n++) done.push(await joined.command("cmd.hex.gather", command.gather));
  joined.close();
  for (const { outcomes } of done) expect(outcomes.at(-1)).toBe("applied");
}

/** Version of a player's hex, as the journal's head or a snapshot has it; 0 = there is none. */
async function versionOf(player: Player, table: "hex_head" | "snapshot"): Promise<number> {
  const { hexId, layerId } = parseKeyText(player.key);
  return withPostgres(world.status().services["postgres"]!.url, async (client) => {
    const { rows } = await client.query<{ hex_version: string }>(
      `SELECT hex_version FROM world.${table} WHERE hex_id = $1 AND layer_id = $2`,
      [hexId, layerId],
    );
    return Number(rows[0]?.hex_version ?? 0);
  });
}

const headOf = (player: Player): Promise<number> => versionOf(player, "hex_head");

describe("a world in one process", () => {
  it("is ready within a minute, says so in a file that is its owner's alone, and has its directory to itself", async () => {
    await start("embedded");
    console.log(`embedded: ready in ${Math.round(world.readyMs)} ms`);
    expect(world.readyMs).toBeLessThan(60_000);
    expect(world.status().ready).toBe(true);
    expect(statSync(path.join(dataDir, "status.json")).mode & 0o777).toBe(0o600);
    const before = world.status();
    const second = await hexctl("start");
    expect(second.exitCode).toBe(1);
    expect(second.output).toContain(`already runs in ${dataDir} (pid ${before.pid})`);
    expect(world.status()).toEqual(before);
    await play(await mintPlayer());
  });

  const byHexctl = async (): Promise<void> => {
    const { pid } = world.status();
    expect(await hexctl("stop")).toEqual({ exitCode: 0, output: `Stopped (pid ${pid}).\n` });
  };
  const ways: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["SIGTERM", () => world.stop("SIGTERM")],
    ["SIGINT", () => world.stop("SIGINT")],
    ["hexctl stop", byHexctl],
    ["SIGKILL", () => world.killHost()],
  ];

  it("leaves its data and nothing else however it is stopped, and its data when its host is killed", async () => {
    await start("embedded");
    const player = await mintPlayer();
    await play(player);
    let head = await headOf(player);
    expect(head).toBeGreaterThanOrEqual(4);
    for (const [way, stop] of ways) {
      // Control: the search finds what runs.
      expect(pidsOfWorld()).toEqual(expect.arrayContaining(pidsOfStatus()));
      await stop();
      if (way !== "SIGKILL") await expectNothingLeft();
      await start("embedded");
      expect([way, await headOf(player)]).toEqual([way, head]);
      await play(player, true);
      head += 3;
      expect([way, await headOf(player)]).toEqual([way, head]);
    }
    await world.stop();
    await expectNothingLeft();
  });
});

describe("hexctl drain", () => {
  it("brings a world to rest: every snapshot is saved, and all but the worker goes on", async () => {
    await start("embedded");
    const player = await mintPlayer();
    await play(player);
    const head = await headOf(player);
    // Control: it is neither old enough nor are there events enough for one.
    expect(await versionOf(player, "snapshot")).toBeLessThan(head);
    expect(await hexctl("drain")).toEqual({ exitCode: 0, output: "Stopped worker-1.\n" });
    expect(await versionOf(player, "snapshot")).toBe(head);
    const { endpoints, ready } = world.status();
    expect(ready).toBe(true);
    expect((await fetch(`${endpoints.http}/`)).status).toBe(200);
    await world.stop();
    expect(await hexctl("drain")).toEqual({
      exitCode: 1,
      output: `No world runs in ${dataDir}. Start one with "npm start".\n`,
    });
  });
});

describe("a world in a process per service", () => {
  it("is ready within 90 s, and after a kill of the host starts again and leaves nothing", async () => {
    await start("cluster");
    console.log(`cluster: ready in ${Math.round(world.readyMs)} ms`);
    expect(world.readyMs).toBeLessThan(90_000);
    expect(world.status().ready).toBe(true);
    expect(pidsOfStatus().length).toBeGreaterThanOrEqual(8);
    expect(pidsOfWorld()).toEqual(expect.arrayContaining(pidsOfStatus()));
    const player = await mintPlayer();
    await play(player);
    const head = await headOf(player);
    await world.killHost();
    await start("cluster");
    expect(await headOf(player)).toBe(head);
    await world.stop();
    await expectNothingLeft();
  });
});
