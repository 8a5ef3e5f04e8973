import { clone, getOption, setExtension } from "@bufbuild/protobuf";
import { DescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { type Game, mint } from "@hexhold/actor";
import { type PlayerSpawned, PlayerSpawnedSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { contract } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { uuidText } from "@hexhold/messaging";
import { openConnection, type PgClient } from "@hexhold/postgres";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { checkLedger, type LedgerVerdict } from "./check-ledger.ts";
import {
  eventIdOf,
  fillWorld,
  game,
  keys,
  openStoredWorld,
  playerOf,
  type StoredWorld,
} from "./stored-world.testing.ts";
import { verifyLines } from "./verify-report.ts";

let world: StoredWorld;
let client: PgClient;

beforeAll(async () => {
  world = await openStoredWorld();
  client = await openConnection({ url: world.url, applicationName: "test" });
});
afterAll(async () => {
  await client.end();
  await world.drop();
});
beforeEach(async () => {
  await fillWorld(world.pool);
  await client.query(
    "TRUNCATE inventory.asset, inventory.transaction, inventory.posting, inventory.balance CASCADE",
  );
  for (const key of keys) {
    // Each player gathers 3, 4 and 5 at versions 3, 4 and 5.
    for (const amount of [3, 4, 5]) await credit(key, eventIdOf(key, amount), amount);
  }
});

/** As the inventory posts it. */
async function credit(
  key: (typeof keys)[number],
  id: Uint8Array,
  amount: number,
  kind = "gathered",
): Promise<void> {
  const owner = uuidText(playerOf(key));
  await client.query("SET ROLE hexhold_owner");
  const { rows } = await client.query<{ id: string }>(
    `SELECT ledger_account_id AS id FROM inventory.open_accounts(
       ARRAY['${owner}', '00000000-0000-0000-0000-000000000000']::uuid[], '{player,mint}', '{wood,wood}') ORDER BY nth`,
  );
  const none = Array.from({ length: 11 }, () => "'{}'").join(", ");
  await client.query(`SELECT inventory.post($1, $2, ARRAY[1], '{1,1}', $3, $4, ${none})`, [
    [uuidText(id)],
    [kind],
    rows.map((row) => row.id),
    [amount, -amount],
  ]);
  await client.query("RESET ROLE");
}

async function check(of: Game = game): Promise<LedgerVerdict> {
  const verdict = await checkLedger(client, of);
  if (verdict === undefined) throw new Error("there is a ledger");
  return verdict;
}

it("finds nothing where each event has its credit", async () => {
  expect(await check()).toEqual({
    credited: 3 * keys.length,
    owed: [],
    owedTotal: 0,
    unsent: 0,
    faults: [],
  });
});

it("says what is owed to whom, and how much of it was never sent", async () => {
  const key = keys[2]!;
  const id = uuidText(eventIdOf(key, 5));
  await client.query("DELETE FROM inventory.posting WHERE transaction_id = $1", [id]);
  await client.query("DELETE FROM inventory.transaction WHERE transaction_id = $1", [id]);
  await client.query(
    "UPDATE inventory.balance SET amount = 7 WHERE amount = 12 AND ledger_account_id = (SELECT ledger_account_id FROM inventory.ledger_account WHERE owner = $1)",
    [uuidText(playerOf(key))],
  );
  await client.query(
    `INSERT INTO world.outbox (slot, destination, position, day, subject, envelope)
     VALUES ('cmd.p1', 'inventory', 1, current_date, 's', '')`,
  );
  const verdict = await check();
  expect(verdict).toMatchObject({ owedTotal: 1, unsent: 1, faults: [] });
  expect(verdict.owed[0]).toMatchObject({
    eventId: id,
    hexVersion: 5,
    playerId: uuidText(playerOf(key)),
    asset: "wood",
    amount: "5",
  });
  const lines = verifyLines({
    exact: false,
    hexes: 0,
    events: 0,
    snapshots: {} as never,
    ledger: verdict,
    quarantined: 0,
    passed: 1,
    failed: 0,
    faults: [],
    faultsTotal: 0,
    tookMs: 1,
  });
  expect(lines.join("\n")).toMatch(
    /owed 5 wood to .* at version 5\nledger: .* 1 owed \(1 of them not sent yet/,
  );
});

it("finds a credit that later ones of the same hex have overtaken, unless it is put aside as a letter", async () => {
  const key = keys[3]!;
  const id = uuidText(eventIdOf(key, 4));
  await client.query("BEGIN");
  await client.query("DELETE FROM inventory.posting WHERE transaction_id = $1", [id]);
  await client.query("DELETE FROM inventory.transaction WHERE transaction_id = $1", [id]);
  await client.query(
    "UPDATE inventory.balance SET amount = 8 WHERE ledger_account_id = (SELECT ledger_account_id FROM inventory.ledger_account WHERE owner = $1)",
    [uuidText(playerOf(key))],
  );
  await client.query("COMMIT");
  expect((await check()).faults).toMatchObject([
    { key: id, found: "none of evt.hex.gathered, and no letter" },
  ]);
  await client.query(
    "INSERT INTO inventory.inbox (event_id, received_at, lettered) VALUES ($1, now(), true)",
    [id],
  );
  expect((await check()).faults).toEqual([]);
  expect((await check()).owedTotal).toBe(1);
});

it("finds a credit without an event, one of another amount, and a balance that is not its postings", async () => {
  await credit(keys[0]!, new Uint8Array(16).fill(0xee), 7);
  const [stranger] = (await check()).faults;
  expect(stranger).toMatchObject({ what: "ledger", key: uuidText(new Uint8Array(16).fill(0xee)) });
  expect((await check()).faults).toHaveLength(2);
  await client.query("UPDATE inventory.posting SET amount = amount * 2 WHERE transaction_id = $1", [
    uuidText(eventIdOf(keys[1]!, 5)),
  ]);
  const found = (await check()).faults.filter(({ key }) =>
    key.startsWith(uuidText(playerOf(keys[1]!))),
  );
  expect(found.map((fault) => [fault.expected, fault.found])).toEqual([
    ["credits of 12 in all", "17"],
    ["a balance of 17", "12"],
  ]);
});

/** The game whose ledger says `gift` of the birth of a player, too. */
function gameWithGift(
  gift: (event: PlayerSpawned) => ReturnType<NonNullable<Game["ledger"]>>,
): Game {
  const proto = clone(DescriptorProtoSchema, PlayerSpawnedSchema.proto);
  const consumers = ["inventory"];
  setExtension(proto.options!, contract, {
    ...getOption(PlayerSpawnedSchema, contract),
    consumers,
  });
  const spawned = Object.assign(Object.create(PlayerSpawnedSchema) as object, { proto });
  const { typeName } = PlayerSpawnedSchema;
  return {
    ...game,
    descriptors: game.descriptors.map((file) => ({
      ...file,
      messages: file.messages.map((message) =>
        message.typeName === typeName ? (spawned as typeof message) : message,
      ),
    })),
    ledger: (event) =>
      event.$typeName === typeName ? gift(event as PlayerSpawned) : game.ledger!(event),
  };
}

it("holds every type of event that goes to the inventory against the ledger, by what the game says of it", async () => {
  const gift = gameWithGift(({ playerId, atMs }) => {
    return { atMs, postings: mint(playerId, "wood", 2n) };
  });
  expect(await check(gift)).toMatchObject({
    credited: 3 * keys.length,
    owedTotal: keys.length,
    faults: [],
  });
  const key = keys[1]!;
  await credit(key, eventIdOf(key, 1), 2, "player-spawned");
  const { owed, owedTotal, faults } = await check(gift);
  expect([owedTotal, faults]).toEqual([keys.length - 1, []]);
  expect(owed.map(({ playerId }) => playerId)).not.toContain(uuidText(playerOf(key)));
  expect(owed[0]).toMatchObject({ hexVersion: 1, asset: "wood", amount: "2" });
  // The control: by the rules of a game that gives no gifts the same credit is none of its events'.
  expect((await check(gameWithGift(() => undefined))).faults).toMatchObject([
    { what: "ledger", expected: "credits of 12 in all", found: "14" },
  ]);
});

it("says of which events the game says nothing that the ledger takes", async () => {
  const postings = [{ holder: { kind: "burn" }, asset: "wood", amount: 1n }] as const;
  const { faults, owedTotal } = await check(gameWithGift(({ atMs }) => ({ atMs, postings })));
  expect(owedTotal).toBe(0);
  expect(faults).toHaveLength(keys.length);
  expect(faults).toContainEqual({
    key: uuidText(eventIdOf(keys[0]!, 1)),
    what: "ledger",
    expected: "a transaction by the game's rules",
    found: "the ledger entry of evt.hex.player-spawned: its postings of wood add up to 1, not 0",
  });
});
