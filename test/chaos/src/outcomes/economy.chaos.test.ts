import { setTimeout as pause } from "node:timers/promises";
import { startWorld, type World } from "@hexhold/testing";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEconomy } from "../economy-play.ts";
import { landOptions } from "../land-play.ts";
import { signalTree } from "../processes.ts";

/** Seconds of trade, or more until each was struck; from two minutes on the services are struck, too. */
const playS = Number(process.env["HEXHOLD_CHAOS_ECONOMY_S"] ?? 20);
const traderCount = Number(process.env["HEXHOLD_CHAOS_TRADERS"] ?? 12);
const seed = Number(process.env["HEXHOLD_CHAOS_SEED"] ?? 7);
const killEveryMs = 3_000;
/** Promised: so long after the last operation no step is open. */
const settledMsMax = 60_000;

/** A frozen process is let go after longer than its connections to PostgreSQL may stand still. */
const frozenMs = 7_000;

/** Kinds of processes, one of which is killed, or frozen; and services, in the long form alone. */
const victims = [
  "inventory",
  "market",
  "worker",
  "frozen inventory",
  "gateway",
  "router",
  "frozen market",
  "accounts",
  ...(playS >= 120 ? ["rabbitmq", "postgres"] : []),
];

let world: World;

beforeAll(async () => {
  world = await startWorld({
    profile: "cluster",
    flags: ["--workers", "2", "--gateways", "2", "--domains", "2"],
    env: { HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000", ...landOptions },
  });
});
afterAll(async () => world?.stop());

describe("an economy of which something is killed or frozen every three seconds", () => {
  it("makes and loses not a coin, ends every step, and keeps what it answered", async () => {
    const play = await startEconomy(world, { count: traderCount, seed, pauseMs: 20 });
    const strikes = new Map<string, number>();
    let looks = 0;
    const endMs = performance.now() + playS * 1000;
    for (let n = 0; n < victims.length || performance.now() < endMs; n++) {
      await pause(killEveryMs);
      strike(victims[n % victims.length]!, strikes);
      if (n % 2 === 1) {
        await expectSound();
        looks++;
      }
    }
    await play.finish();
    const finishedMs = performance.now();
    await expect.poll(openSteps, { timeout: settledMsMax, interval: 250 }).toEqual([]);
    const settledMs = Math.round(performance.now() - finishedMs);
    const report = await expectSound();
    console.log(
      `${play.done} operations in ${playS} s, ${[...strikes].map(([kind, count]) => `${kind} ×${count}`).join(", ")} struck, ` +
        `${looks + 1} looks clean; no step open ${settledMs} ms after the last operation (promised ${settledMsMax})\n${report}`,
    );
    expect(play.done).toBeGreaterThan(traderCount * 10);
    expect(await ordersThatDiffer(play.traders)).toEqual([]);
    expect(await offersThatDiffer(play.endedOffers)).toEqual([]);
    // The controls: orders were matched, offers ended either way, and somebody was killed.
    expect(await count("market.trade")).toBeGreaterThan(20);
    expect(new Set(play.endedOffers.values())).toEqual(new Set(["accepted", "withdrawn"]));
    for (const type of ["contributed", "site-supplied", "goods-returned", "player-arrived"]) {
      expect(`${type} ${(await count(`world.journal WHERE type = 'evt.hex.${type}'`)) > 0}`).toBe(
        `${type} true`,
      );
    }
    expect(strikes.size).toBe(victims.length);
    expect(await count("control.dead_letter")).toBe(0);
    // Since PostgreSQL was started last.
    const [statistics] = await rowsOf<{ deadlocks: string }>(
      "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    );
    expect(statistics?.deadlocks).toBe("0");
    for (const { player } of play.traders) player.close();
  });
});

/** Kills or freezes one process of a kind, or a service. What is just being started again is left in peace. */
function strike(victim: string, strikes: Map<string, number>): void {
  const nth = strikes.get(victim) ?? 0;
  strikes.set(victim, nth + 1);
  const service = world.status().services[victim];
  if (service?.pid !== undefined) {
    signalTree(service.pid, "SIGKILL");
    return;
  }
  const kind = victim.replace("frozen ", "");
  const running = world.status().processes.filter((one) => one.kind === kind);
  const pid = running[nth % Math.max(running.length, 1)]?.pid;
  if (pid === undefined) return;
  if (kind === victim) signal(pid, "SIGKILL");
  else {
    signal(pid, "SIGSTOP");
    setTimeout(() => signal(pid, "SIGCONT"), frozenMs);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has died meanwhile.
  }
}

/** `hexctl verify --economy`, as an operator runs it; its lines. */
async function expectSound(): Promise<string> {
  let looked = await world.hexctl("verify", "--economy");
  // PostgreSQL may be being started again.
  for (let tries = 0; !looked.output.includes("passed") && tries < 10; tries++) {
    await pause(2_000);
    looked = await world.hexctl("verify", "--economy");
  }
  const { code, output } = looked;
  expect(output).toMatch(/[1-9] passed, 0 failed\s*$/);
  expect(code).toBe(0);
  return output.trim();
}

/** What `hexctl saga` lists: steps, and letters that wait. */
async function openSteps(): Promise<unknown[]> {
  const { code, output } = await world.hexctl("saga", "--json");
  if (code !== 0) return [output];
  const { steps, letters } = JSON.parse(output) as { steps: unknown[]; letters: unknown[] };
  return [...steps, ...letters];
}

async function count(table: string): Promise<number> {
  const [row] = await rowsOf<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
  return row?.n ?? 0;
}

async function rowsOf<Row extends object>(text: string): Promise<Row[]> {
  const client = new pg.Client({
    connectionString: world.status().services["postgres"]!.url,
  });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Orders of which a trader was told that they are kept, and that are not there as its own; and those that nobody placed. */
async function ordersThatDiffer(
  traders: Awaited<ReturnType<typeof startEconomy>>["traders"],
): Promise<string[]> {
  const rows = await rowsOf<{ id: string; account: string; book: string }>(
    `SELECT replace(order_id::text, '-', '') AS id, account_id::text AS account, book FROM market."order"`,
  );
  const stored = new Map(rows.map(({ id, account, book }) => [id, `${account} ${book}`]));
  const differing: string[] = [];
  let told = 0;
  for (const { accountId, orders } of traders) {
    for (const [id, book] of orders) {
      told++;
      if (stored.get(id) !== `${accountId} ${book}`) differing.push(`${id}: ${stored.get(id)}`);
    }
  }
  if (told !== stored.size) differing.push(`${stored.size} orders are stored, ${told} were told`);
  return differing;
}

/** Offers that ended otherwise than who ended them was told. */
async function offersThatDiffer(ended: ReadonlyMap<string, string>): Promise<string[]> {
  const rows = await rowsOf<{ id: string; state: string }>(
    "SELECT offer_id::text AS id, state FROM inventory.offer",
  );
  const stored = new Map(rows.map(({ id, state }) => [id, state]));
  return [...ended].flatMap(([id, state]) =>
    stored.get(id) === state ? [] : [`${id}: told ${state}, is ${stored.get(id)}`],
  );
}
