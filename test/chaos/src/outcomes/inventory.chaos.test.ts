import { setTimeout as pause } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BalancesSchema, GetBalancesSchema } from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import { ledgerDifferences, startWorld, type World } from "@hexhold/testing";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPlay } from "../play.ts";

/** Promised: so long after the last command all of it is in the ledger. */
const settledMsMax = 30_000;

let world: World;
let database: pg.Client;

beforeAll(async () => {
  world = await startWorld({
    profile: "cluster",
    env: { HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000" },
  });
  database = new pg.Client({ connectionString: world.status().services["postgres"]!.url });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await world?.stop();
});

describe("the ledger of a world whose inventory and worker are killed under 16 players", () => {
  it("is the sum of what the journal says was gathered, per account and item", async () => {
    const play = await startPlay(world, 16);
    for (const victim of ["inventory-1", "worker-1", "inventory-1"]) {
      await pause(1500);
      // The ledger is held fast meanwhile, so that credits are in hand, neither stored nor acked, at the kill.
      await database.query("BEGIN; LOCK TABLE inventory.posting IN EXCLUSIVE MODE");
      await pause(700);
      await killed(victim);
      await database.query("ROLLBACK");
    }
    await pause(1500);
    await play.finish();
    await expect
      .poll(differences, { timeout: settledMsMax, interval: 250 })
      .toEqual({ items: expect.any(Number) as number, differing: [] });
    const { items } = await differences();
    console.log(`${items} accounts and items agree`);
    expect(items).toBe(16);
    const { rows: uneven } = await database.query(
      `SELECT transaction_id FROM inventory.posting JOIN inventory.ledger_account USING (ledger_account_id)
       GROUP BY transaction_id, asset HAVING sum(amount) <> 0`,
    );
    expect(uneven).toEqual([]);
    const { rows: letters } = await database.query("SELECT error FROM control.dead_letter");
    expect(letters).toEqual([]);
    expect(await answersThatDiffer(play.players)).toEqual([]);
    for (const player of play.players) player.close();
  });
});

const differences = () => ledgerDifferences(world.status().services["postgres"]!.url);

/** SIGKILL; resolves when the supervisor has started it again. */
async function killed(name: string): Promise<void> {
  const pid = world.pidOf(name);
  process.kill(pid, "SIGKILL");
  await expect.poll(() => pidNow(name) ?? pid, { timeout: 10_000, interval: 10 }).not.toBe(pid);
}

function pidNow(name: string): number | undefined {
  return world.status().processes.find((item) => item.name === name)?.pid;
}

/** What players are told of their balances, held against the ledger. */
async function answersThatDiffer(
  players: Awaited<ReturnType<typeof startPlay>>["players"],
): Promise<string[]> {
  const payload = toBinary(GetBalancesSchema, create(GetBalancesSchema));
  const differing: string[] = [];
  for (const player of players) {
    const { accountId } = player.player;
    const { answer } = await player.command("cmd.inventory.get-balances", payload, {
      keyless: true,
    });
    const { rows } = await database.query<{ asset: string; amount: string }>(
      `SELECT asset, amount FROM inventory.balance JOIN inventory.ledger_account USING (ledger_account_id)
       WHERE owner = $1 ORDER BY asset`,
      [accountId],
    );
    const told =
      answer?.outcome.case === "applied"
        ? fromBinary(BalancesSchema, answer.outcome.value.result).balances
        : [];
    const same =
      rows.length > 0 &&
      JSON.stringify(told.map(({ asset, amount }) => [asset, String(amount)])) ===
        JSON.stringify(rows.map(({ asset, amount }) => [asset, amount]));
    if (!same) differing.push(`${accountId}: ${JSON.stringify(answer?.outcome.case)}`);
  }
  return differing;
}
