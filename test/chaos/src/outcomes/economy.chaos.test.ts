import { setTimeout as pause } from "node:timers/promises";
import { startWorld, type World } from "@hexhold/testing";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEconomy } from "../economy-play.ts";

/** Seconds of trade under kills; the long form is minutes. */
const playS = Number(process.env["HEXHOLD_CHAOS_ECONOMY_S"] ?? 30);
const traderCount = Number(process.env["HEXHOLD_CHAOS_TRADERS"] ?? 12);
const seed = Number(process.env["HEXHOLD_CHAOS_SEED"] ?? 7);
const killEveryMs = 3_000;
/** Promised: so long after the last operation no step is open. */
const settledMsMax = 60_000;

const killed = ["inventory", "market", "worker", "gateway", "router", "accounts"];

let world: World;
let database: pg.Client;

beforeAll(async () => {
  world = await startWorld({
    profile: "cluster",
    flags: ["--workers", "2", "--gateways", "2", "--domains", "2"],
    env: { HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000" },
  });
  database = new pg.Client({ connectionString: world.status().services["postgres"]!.url });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await world?.stop();
});

describe("an economy whose processes are killed every three seconds", () => {
  it("makes and loses not a coin, ends every step, and keeps what it answered", async () => {
    const play = await startEconomy(world, { count: traderCount, seed, pauseMs: 20 });
    const kills = new Map<string, number>();
    let looks = 0;
    const endMs = performance.now() + playS * 1000;
    for (let n = 0; performance.now() < endMs; n++) {
      await pause(killEveryMs);
      const kind = killed[n % killed.length]!;
      kill(kind, kills);
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
      `${play.done} operations in ${playS} s, ${[...kills].map(([kind, count]) => `${kind} ×${count}`).join(", ")} killed, ` +
        `${looks + 1} looks clean; no step open ${settledMs} ms after the last operation (promised ${settledMsMax})\n${report}`,
    );
    expect(play.done).toBeGreaterThan(traderCount * 10);
    expect(await ordersThatDiffer(play.traders)).toEqual([]);
    expect(await offersThatDiffer(play.endedOffers)).toEqual([]);
    // The controls: orders were matched, offers ended either way, and somebody was killed.
    expect(await count("market.trade")).toBeGreaterThan(20);
    expect(new Set(play.endedOffers.values())).toEqual(new Set(["accepted", "withdrawn"]));
    expect(kills.size).toBe(killed.length);
    expect(await count("control.dead_letter")).toBe(0);
    const { rows } = await database.query<{ deadlocks: string }>(
      "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    );
    expect(rows[0]?.deadlocks).toBe("0");
    for (const { player } of play.traders) player.close();
  });
});

/** One process of a kind; it may be being started again. */
function kill(kind: string, kills: Map<string, number>): void {
  const running = world.status().processes.filter((one) => one.kind === kind);
  const victim = running[(kills.get(kind) ?? 0) % Math.max(running.length, 1)];
  kills.set(kind, (kills.get(kind) ?? 0) + 1);
  if (victim === undefined) return;
  try {
    process.kill(victim.pid, "SIGKILL");
  } catch {
    // It has just died.
  }
}

/** `hexctl verify --economy`, as an operator runs it; its lines. */
async function expectSound(): Promise<string> {
  const { code, output } = await world.hexctl("verify", "--economy");
  expect(output).toMatch(/5 passed, 0 failed\s*$/);
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
  const { rows } = await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
  return rows[0]?.n ?? 0;
}

/** Orders of which a trader was told that they are kept, and that are not there as its own; and those that nobody placed. */
async function ordersThatDiffer(
  traders: Awaited<ReturnType<typeof startEconomy>>["traders"],
): Promise<string[]> {
  const { rows } = await database.query<{ id: string; account: string; book: string }>(
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
  const { rows } = await database.query<{ id: string; state: string }>(
    "SELECT offer_id::text AS id, state FROM inventory.offer",
  );
  const stored = new Map(rows.map(({ id, state }) => [id, state]));
  return [...ended].flatMap(([id, state]) =>
    stored.get(id) === state ? [] : [`${id}: told ${state}, is ${stored.get(id)}`],
  );
}
