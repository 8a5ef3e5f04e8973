import { startWorld, withPostgres, type World } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runEconomy, settledMsMax } from "../economy-run.ts";
import { landOptions } from "../land-play.ts";

/** Seconds of trade, or more until each was struck; from two minutes on the services are struck, too. */
const playS = Number(process.env["HEXHOLD_CHAOS_ECONOMY_S"] ?? 20);
const traderCount = Number(process.env["HEXHOLD_CHAOS_TRADERS"] ?? 12);
const seed = Number(process.env["HEXHOLD_CHAOS_SEED"] ?? 7);

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
  "governance",
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

it("an economy of which something is killed or frozen every three seconds makes and loses not a coin, ends every step, and keeps what it answered", async () => {
  const report = await runEconomy(world, {
    traders: traderCount,
    seed,
    pauseMs: 20,
    ops: traderCount * 10,
    seconds: playS,
    strikesMin: 1,
    killEveryMs: 3_000,
    victims,
    say: () => undefined,
  });
  const { ops, seconds, strikes, looks, settledMs, rowsCompared, faults } = report;
  console.log(
    `${ops} operations in ${seconds} s, struck ${JSON.stringify(strikes)}, ${looks} looks over ${JSON.stringify(rowsCompared)} rows; ` +
      `no step open ${settledMs} ms after the last operation (promised ${settledMsMax})`,
  );
  expect(faults).toEqual([]);
  // The controls: orders were matched, hexes given to, offers ended either way.
  const done = await withPostgres(world.status().services["postgres"]!.url, async (client) => {
    const { rows } = await client.query<{ what: string }>(
      `SELECT DISTINCT type AS what FROM world.journal WHERE type IN ('evt.hex.contributed', 'evt.hex.site-supplied',
         'evt.hex.goods-returned', 'evt.hex.player-arrived')
       UNION SELECT DISTINCT 'offer ' || state FROM inventory.offer WHERE state IN ('accepted', 'withdrawn')
       UNION SELECT 'trades' FROM market.trade HAVING count(*) > 20`,
    );
    return rows.map(({ what }) => what).toSorted();
  });
  expect(done).toEqual([
    "evt.hex.contributed",
    "evt.hex.goods-returned",
    "evt.hex.player-arrived",
    "evt.hex.site-supplied",
    "offer accepted",
    "offer withdrawn",
    "trades",
  ]);
});
