import { create, toBinary } from "@bufbuild/protobuf";
import { PlayerLeftSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { bucketOf, keyText, type Key } from "@hexhold/hex";
import { uuidText } from "@hexhold/messaging";
import { openConnection, openPool, type PgClient } from "@hexhold/postgres";
import { createPostgresSnapshotStore } from "@hexhold/worker";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { listSnapshotRows } from "../verify/list-snapshots.ts";
import {
  epoch,
  fillWorld,
  game,
  keys,
  lastVersion,
  openStoredWorld,
  playerOf,
  snapshotOf,
  type StoredWorld,
} from "../verify/stored-world.testing.ts";
import type { WorldStores } from "../world-stores.ts";
import { hexLines, readHexReport } from "./hex-report.ts";
import { playerLines, readPlayerReport } from "./player-report.ts";

const home = keys[0]!;
const other = keys[3]!;
const anna = uuidText(playerOf(home));
let database: StoredWorld;
let stores: WorldStores;
let client: PgClient;

beforeAll(async () => {
  database = await openStoredWorld();
  const settings = { url: database.url, applicationName: "look-test" };
  client = await openConnection(settings);
  const snapshots = createPostgresSnapshotStore(openPool(settings, 1));
  stores = {
    postgresUrl: database.url,
    snapshots,
    listSnapshots: () => listSnapshotRows(database.url),
    game,
    partitions: 8,
    snapshotPlace: "PostgreSQL world.snapshot",
    close: () => snapshots.close(),
  };
});
afterAll(async () => {
  await client.end();
  await stores.close();
  await database.drop();
});
beforeEach(async () => {
  await fillWorld(database.pool);
  await database.pool.query("TRUNCATE world.slot, accounts.account CASCADE");
});

const hex = (key: Key) => readHexReport(client, stores, undefined, key, 3);
const player = (who: string) => readPlayerReport(client, stores, undefined, who, 3);

/** A row at the end of a journal, of nobody's command, that names `playerId`. */
async function addLeft(key: Key, playerId: Uint8Array): Promise<void> {
  const payload = toBinary(PlayerLeftSchema, create(PlayerLeftSchema, { playerId, atMs: 9n }));
  const place = [bucketOf(key), key.hexId.toString(), key.layerId, lastVersion + 1];
  await database.pool.query(
    `INSERT INTO world.journal (bucket, hex_id, layer_id, hex_version, epoch, event_id, type,
       message_version, payload, account_id, idempotency_key, decided_at)
     VALUES ($1, $2, $3, $4, $5, gen_random_uuid(), 'evt.hex.player-left', 1, $6, NULL, '\\x00', now() + interval '1 minute')`,
    [...place, epoch, Buffer.from(payload)],
  );
  await database.pool.query(
    "UPDATE world.hex_head SET hex_version = $4 WHERE bucket = $1 AND hex_id = $2 AND layer_id = $3",
    place,
  );
}

it("a hex is shown with its state, owner, snapshot, quarantine and last rows", async () => {
  await stores.snapshots.save([snapshotOf(home, 3)]);
  await database.pool.query(
    "INSERT INTO world.slot (slot, epoch, owner) VALUES ('cmd.p1', 7, 'worker-2#abc')",
  );
  await database.pool.query(
    "INSERT INTO world.quarantined_hex (bucket, hex_id, layer_id, reason) VALUES ($1, $2, $3, 'a hole')",
    [bucketOf(home), home.hexId.toString(), home.layerId],
  );
  const report = await hex(home);
  expect(report).toMatchObject({
    key: keyText(home),
    slot: "cmd.p1",
    owner: { instance: "worker-2", epoch: "7" },
    head: { hexVersion: lastVersion, epoch: "7" },
    state: { residents: [{ player_id: anna, online: true }] },
    snapshot: { standing: "behind", hexVersion: 3 },
    quarantine: { reason: "a hole" },
    faults: [],
  });
  expect(report.journal.map(({ hexVersion }) => hexVersion)).toEqual([5, 4, 3]);
  expect(report.journal[0]).toMatchObject({
    type: "evt.hex.gathered",
    accountId: anna,
    payload: { player_id: anna, resource: "RESOURCE_WOOD", amount: "5" },
  });
  expect(hexLines(report).join("\n")).toContain("evt.hex.gathered");
});

it("a hex in which nothing has happened is shown as such", async () => {
  const report = await hex({ ...home, layerId: 9 });
  expect(report).toMatchObject({ head: null, state: null, owner: null, journal: [], faults: [] });
});

it("a hex whose journal cannot be folded is shown with its fault", async () => {
  await database.pool.query(
    `DELETE FROM world.journal WHERE hex_id = ${home.hexId} AND layer_id = 0 AND hex_version = 2`,
  );
  const report = await hex(home);
  expect(report.state).toBeNull();
  expect(report.faults.map(({ what }) => what)).toEqual(["journal"]);
});

it("a player is found in the hex whose journal makes it a resident, by name or id", async () => {
  await database.pool.query(
    `INSERT INTO accounts.account (account_id, name, password_hash, hex_id, layer_id)
     VALUES ($1, 'Anna', '$argon2id$x', $2, 0)`,
    [anna, home.hexId.toString()],
  );
  const [byName, byId] = [await player("anna"), await player(anna)];
  expect(byName).toEqual(byId);
  expect(byName).toMatchObject({
    playerId: anna,
    account: { name: "Anna", residence: keyText(home), openLogins: 0, owedTo: null },
    hexes: [{ key: keyText(home), rows: lastVersion }],
  });
  expect(byName?.where).toContain(`lives in ${keyText(home)}`);
  expect(byName?.journal.map(({ hexVersion }) => hexVersion)).toEqual([5, 4, 3]);
  expect(playerLines(byName!).join("\n")).toContain("residents[0].player_id");
});

it("what a player has, and has under way, is shown with it", async () => {
  const order = "01a22f87-fcaa-7676-bae4-ebbc6da01001";
  const offer = "01a22f87-fcaa-7676-bae4-ebbc6da01002";
  const item = "01a22f87-fcaa-7676-bae4-ebbc6da01003";
  const bert = "01a22f87-fcaa-7676-bae4-ebbc6da01004";
  const values = `'${anna}'`;
  await database.pool.query(
    `SET session_replication_role = replica;
     INSERT INTO inventory.asset (asset) VALUES ('wood') ON CONFLICT DO NOTHING;
     INSERT INTO inventory.ledger_account (owner, kind, asset) VALUES (${values}, 'player', 'wood'), (${values}, 'hold', 'wood');
     INSERT INTO inventory.balance (ledger_account_id, amount)
       SELECT ledger_account_id, CASE kind WHEN 'player' THEN 7 ELSE 3 END FROM inventory.ledger_account WHERE owner = ${values};
     INSERT INTO inventory.offer (offer_id, from_account, to_account, terms, terms_hash, state, made_at, expires_at)
       VALUES ('${offer}', ${values}, '${bert}', '', decode(repeat('00', 32), 'hex'), 'open', now(), now());
     INSERT INTO inventory.item (item_id, kind, owner, held_by, attributes, made_by, made_at, version)
       VALUES ('${item}', 'plaque', ${values}, '${offer}', '', '${offer}', now(), 1);
     INSERT INTO market.book (book) VALUES ('wood') ON CONFLICT DO NOTHING;
     INSERT INTO market."order" (order_id, book, account_id, side, price, quantity, is_immediate, fee, placed_at, expires_at, state, version)
       VALUES ('${order}', 'wood', ${values}, 2, 12, 3, false, 1, now(), now(), 1, 1);
     INSERT INTO governance.reputation (account_id, hex, points, day) VALUES (${values}, '${keyText(home)}', 40, 20000);
     RESET session_replication_role`,
  );
  const report = await player(anna);
  expect(report?.belongings).toMatchObject({
    balances: [{ asset: "wood", available: "7", held: "3" }],
    items: [{ itemId: item, kind: "plaque", heldBy: offer }],
    orders: [{ orderId: order, book: "wood" }],
    offers: [{ offerId: offer, from: anna, to: bert }],
    reputation: [{ hex: keyText(home), points: "40" }],
  });
  const lines = playerLines(report!);
  expect(lines).toContain("has       7 wood, and 3 in escrow");
  expect(lines).toContain(`item      plaque ${item}, held by offer ${offer}`);
  expect(lines.join("\n")).toContain("sells 3 at 12, its escrow is being asked for");
  expect(lines).toContain(`points    40 in ${keyText(home)}`);
});

it("a player is also found by events that others caused", async () => {
  await addLeft(other, playerOf(home));
  const report = await player(anna);
  expect(report?.hexes.map(({ key }) => key)).toEqual([keyText(other), keyText(home)]);
  expect(report?.journal[0]).toMatchObject({ key: keyText(other), type: "evt.hex.player-left" });
  // The rules make of that event a resident: two homes, which no command could have made.
  expect(report?.where).toMatch(/^FAULT/);
});

it("nobody is found under a name or an id that nothing names", async () => {
  expect(await player("nobody")).toBeUndefined();
  expect(await player(uuidText(new Uint8Array(16).fill(0xee)))).toBeUndefined();
});
