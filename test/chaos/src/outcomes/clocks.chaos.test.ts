/**
 * Clocks that are set while people play (libfaketime): on the machine of the services, on PostgreSQL's, on the players'.
 * Nobody gets a final error, everybody is served again within 15 s, nothing is pruned, and world time runs on.
 * `HEXHOLD_CHAOS_CLOCKS=all` sets each of them alone by each amount; `npm test` sets all three at once.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { isThere } from "@hexhold/config";
import { startWorld, type World, withPostgres } from "@hexhold/testing";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ClockOrder, ClockReport } from "../clock-players.ts";
import { fakeTimeLibrary } from "../fake-time.ts";
import { wrapPostgres } from "../wrapped-postgres.ts";

const serviceMsMax = 15_000;
/** Longer than two readings of PostgreSQL's clock. */
const holdMs = 7_000;
/** Of world time against time that passes: a tenth, and what a reading that came late adds. */
const driftShareMax = 0.15;
const playerCount = 20;
const retentionHours = 72;
const folder = mkdtempSync(path.join(tmpdir(), "hexhold-clocks-"));
const machines = ["services", "postgres", "players"] as const;
type Machine = (typeof machines)[number];
const fileOf = (machine: Machine): string => path.join(folder, `${machine}.clock`);

vi.setConfig({ testTimeout: 600_000 });

/** `+1h`, `-1d`, `+0` */
function setClock(machine: Machine, by: string): void {
  // Read at every look at the clock: never half written.
  writeFileSync(`${fileOf(machine)}.new`, `${by}\n`);
  renameSync(`${fileOf(machine)}.new`, fileOf(machine));
}

const fakedBy = (machine: Machine): Record<string, string> => ({
  LD_PRELOAD: fakeTimeLibrary,
  FAKETIME_TIMESTAMP_FILE: fileOf(machine),
  FAKETIME_NO_CACHE: "1",
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
  DONT_FAKE_MONOTONIC: "1",
});

interface Players {
  /** Since the last call. */
  readonly take: () => readonly ClockReport[];
  readonly last: () => ClockReport;
  readonly stop: () => void;
}

function startPlayers(order: ClockOrder): Players {
  const file = path.join(folder, "order.json");
  writeFileSync(file, JSON.stringify(order));
  const child: ChildProcess = spawn(
    process.execPath,
    [path.join(import.meta.dirname, "../clock-players.ts"), file],
    {
      env: { ...process.env, ...fakedBy("players") },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const reports: ClockReport[] = [];
  let last: ClockReport | undefined;
  createInterface({ input: child.stdout! }).on("line", (line) => {
    last = JSON.parse(line) as ClockReport;
    reports.push(last);
  });
  return {
    take: () => reports.splice(0),
    last() {
      if (last === undefined) throw new Error("the players have not reported yet");
      return last;
    },
    stop: () => child.kill("SIGKILL"),
  };
}

let world: World;
let players: Players;

/** As workers and services do each hour, by world time. */
async function prune(worldMs: number): Promise<{ floor: string; rows: number }> {
  return withPostgres(world.status().services["postgres"]!.url, async (client) => {
    await client.query("SELECT world.make_days(7), world.prune_days($1, $2)", [
      retentionHours,
      worldMs,
    ]);
    await client.query("SELECT inventory.prune(96, $1, 10000, $2)", [retentionHours, worldMs]);
    const { rows } = await client.query<{ floor: string; rows: number }>(
      `SELECT (SELECT floor::text FROM world.prune_floor) AS floor,
         (SELECT count(*) FROM world.command_result)::int + (SELECT count(*) FROM inventory.inbox)::int AS rows`,
    );
    return rows[0]!;
  });
}

/** Every player has an answer, and none had to wait longer than is promised. */
async function expectService(what: string): Promise<void> {
  await pause(holdMs);
  await expect
    .poll(() => players.last().waitMs, { timeout: serviceMsMax + 5_000, interval: 200 })
    .toBeLessThan(2_000);
  const reports = players.take();
  const waitMs = Math.max(...reports.map((report) => report.waitMs));
  const done = reports.reduce((sum, report) => sum + report.done, 0);
  console.log(`${what}: ${done} commands, longest wait ${waitMs} ms (promised ${serviceMsMax})`);
  expect([what, reports.flatMap(({ errors }) => errors)]).toEqual([what, []]);
  expect(waitMs).toBeLessThanOrEqual(serviceMsMax);
  expect(done).toBeGreaterThan(playerCount);
  expect(players.last().online).toBe(playerCount);
}

describe.runIf(isThere(fakeTimeLibrary))("clocks that are set while 20 play", () => {
  beforeAll(async () => {
    chmodSync(folder, 0o755);
    for (const machine of machines) setClock(machine, "+0");
    world = await startWorld({
      profile: "cluster",
      env: {
        HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000",
        ...fakedBy("services"),
        PATH: wrapPostgres(
          path.join(folder, "bin"),
          Object.entries(fakedBy("postgres")).map(([key, value]) => `export ${key}=${value}`),
        ),
      },
    });
    const minted = await world.mint(playerCount);
    players = startPlayers({ url: world.status().endpoints.ws, players: minted });
  });

  afterAll(async () => {
    players?.stop();
    await world?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const amounts = ["+1h", "-1h", "+1d", "-1d"];
  const alone = machines.flatMap((machine) =>
    amounts.map((by) => [`${machine} ${by}`, { [machine]: by }] as const),
  );
  const together = [
    ["PostgreSQL +1d", { postgres: "+1d" }],
    ["PostgreSQL -1d, services +1h", { postgres: "-1d", services: "+1h" }],
    ["services -1d, players +1d", { services: "-1d", players: "+1d" }],
    [
      "PostgreSQL +1h, services +1d, players -1d",
      { postgres: "+1h", services: "+1d", players: "-1d" },
    ],
  ] as const;
  const steps: readonly (readonly [string, Partial<Record<Machine, string>>])[] =
    process.env["HEXHOLD_CHAOS_CLOCKS"] === "all" ? [...alone, ...together] : together;

  it("costs a moment: no final error, service within 15 s, nothing pruned, world time runs on", async () => {
    await expect
      .poll(() => players.take().at(-1)?.online, { timeout: 30_000, interval: 500 })
      .toBe(playerCount);
    await expectService("before");
    const before = await prune(players.last().serverMs);
    const beganMs = performance.now();
    const serverMs = players.last().serverMs;
    for (const [what, clocks] of steps) {
      for (const machine of machines) setClock(machine, clocks[machine] ?? "+0");
      await expectService(what);
      const passedMs = performance.now() - beganMs;
      const driftMs = players.last().serverMs - serverMs - passedMs;
      expect(Math.abs(driftMs)).toBeLessThan(2_000 + passedMs * driftShareMax);
      const after = await prune(players.last().serverMs);
      expect(after.floor).toBe(before.floor);
      expect(after.rows).toBeGreaterThanOrEqual(before.rows);
    }
  });

  it("and a worker that dies then comes back, on a machine whose clock was set with PostgreSQL's", async () => {
    for (const machine of machines) setClock(machine, machine === "players" ? "+0" : "+1h");
    await expectService("PostgreSQL and services +1h");
    process.kill(world.pidOf("worker-1"), "SIGKILL");
    await expectService("worker killed");
    // Control: the services' clock is set indeed.
    const log = readFileSync(path.join(world.dataDir, "logs/worker-1.log"), "utf8").trim();
    const { time } = JSON.parse(log.slice(log.lastIndexOf("\n") + 1)) as { time: number | string };
    expect(new Date(time).getTime() - Date.now()).toBeGreaterThan(3_500_000);
    const metrics = await routerMetrics();
    expect(Number(/^hexhold_clock_steps_total (\d+)/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(
      4,
    );
    expect(
      Math.abs(Number(/^hexhold_world_clock_offset_seconds (\S+)/m.exec(metrics)?.[1])),
    ).toBeGreaterThan(1_000);
  });
});

async function routerMetrics(): Promise<string> {
  const { controlUrl } = world.status().processes.find(({ kind }) => kind === "router")!;
  return (await fetch(`${controlUrl}/metrics`)).text();
}
