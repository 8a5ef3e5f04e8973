import { create, toBinary } from "@bufbuild/protobuf";
import { GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { bucketOf, hexAt, type Key, keyText } from "@hexhold/hex";
import { sha256 } from "@hexhold/messaging";
import { openPool, type PgPool } from "@hexhold/postgres";
import { freshMongoDatabase, mongodbMissing } from "@hexhold/testing";
import {
  createMongoSnapshotStore,
  createPostgresSnapshotStore,
  type SnapshotStore,
} from "@hexhold/worker";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { listDocuments, listSnapshotRows } from "./list-snapshots.ts";
import {
  epoch,
  fillWorld,
  game,
  keys,
  lastVersion,
  openStoredWorld,
  snapshotOf,
  type StoredWorld,
} from "./stored-world.testing.ts";
import type { VerifyReport } from "./verify-report.ts";
import { type ListedSnapshot, verifyWorld } from "./verify-world.ts";

const victim = keys[4]!;
let database: StoredWorld;
let pool: PgPool;

beforeAll(async () => {
  database = await openStoredWorld();
  ({ pool } = database);
});
afterAll(() => database.drop());

/** Changes the rows of the victim in one table. */
async function change(table: string, set: string, where = "true"): Promise<void> {
  const { rowCount } = await pool.query(
    `UPDATE world.${table} SET ${set} WHERE hex_id = ${victim.hexId} AND layer_id = 0 AND ${where}`,
  );
  expect(rowCount).toBe(1);
}

interface Store {
  readonly snapshots: SnapshotStore;
  readonly listSnapshots: () => AsyncIterable<ListedSnapshot>;
}

const verify = (
  store: Store,
  options: { exact?: boolean; key?: Key } = {},
): Promise<VerifyReport> =>
  verifyWorld({
    postgresUrl: database.url,
    game,
    exact: false,
    ledger: false,
    ...store,
    ...options,
  });

const said = ({ faults }: VerifyReport) => faults.map(({ key, what }) => `${key} ${what}`);

describe("hexctl verify, with snapshots in PostgreSQL", () => {
  let store: Store;
  beforeAll(() => {
    const snapshots = createPostgresSnapshotStore(
      openPool({ url: database.url, applicationName: "verify-test-snapshots" }, 1),
    );
    store = { snapshots, listSnapshots: () => listSnapshotRows(database.url) };
  });
  afterAll(() => store.snapshots.close());
  beforeEach(async () => {
    await fillWorld(pool);
    await store.snapshots.save(keys.map((key) => snapshotOf(key, lastVersion)));
  });

  it("finds no fault where there is none", async () => {
    const report = await verify(store, { exact: true });
    expect(report).toMatchObject({ passed: keys.length, failed: 0, faults: [] });
    expect(report.events).toBe(keys.length * lastVersion);
    expect(report.snapshots.equal).toBe(keys.length);
  });

  const damages: [what: string, damage: () => Promise<void>, found: string][] = [
    [
      "a missing row",
      async () => {
        await pool.query(
          `DELETE FROM world.journal WHERE hex_id = ${victim.hexId} AND layer_id = 0 AND hex_version = 2`,
        );
      },
      "journal",
    ],
    [
      "a renumbered last row",
      () => change("journal", "hex_version = 9", "hex_version = 5"),
      "journal",
    ],
    ["a head behind its journal", () => change("hex_head", "hex_version = 4"), "head"],
    ["a head before its journal", () => change("hex_head", "hex_version = 6"), "head"],
    [
      "no head",
      async () => {
        await pool.query(
          `DELETE FROM world.hex_head WHERE hex_id = ${victim.hexId} AND layer_id = 0`,
        );
      },
      "head",
    ],
    ["an epoch that falls", () => change("journal", "epoch = 5", "hex_version = 3"), "epoch"],
    ["an epoch above the head's", () => change("journal", "epoch = 8", "hex_version = 5"), "epoch"],
    [
      "a payload that is none",
      () => change("journal", "payload = '\\xff'", "hex_version = 5"),
      "event",
    ],
    [
      "an event of no game",
      () => change("journal", "type = 'evt.hex.nothing'", "hex_version = 5"),
      "event",
    ],
    ["rows under a wrong bucket", () => change("hex_head", "bucket = (bucket + 1) % 1024"), "key"],
    [
      "a payload that folds to another state",
      async () => {
        const payload = toBinary(GatheredSchema, create(GatheredSchema, { amount: 1n }));
        const hex = Buffer.from(payload).toString("hex");
        await change("journal", `payload = '\\x${hex}'`, "hex_version = 4");
      },
      "snapshot",
    ],
    [
      "a snapshot's hash of another state",
      () => change("snapshot", "durable_hash = sha256('x')"),
      "snapshot",
    ],
    [
      "a snapshot's state with its own hash, but not the journal's",
      () => change("snapshot", "durable = '\\x0801', durable_hash = sha256('\\x0801')"),
      "snapshot",
    ],
    [
      "a snapshot that ends with another event",
      () => change("snapshot", "last_event_id = gen_random_uuid()"),
      "snapshot",
    ],
    ["a snapshot that is ahead", () => change("snapshot", "hex_version = 6"), "snapshot"],
  ];
  for (const [what, damage, found] of damages) {
    it(`finds ${what}, in the hex where it is`, async () => {
      await damage();
      const report = await verify(store);
      expect(said(report)).toContain(`${keyText(victim)} ${found}`);
      expect(new Set(report.faults.map(({ key }) => key))).toEqual(new Set([keyText(victim)]));
      expect(report.failed).toBeGreaterThan(0);
      expect((await verify(store, { key: victim })).failed).toBeGreaterThan(0);
      expect((await verify(store, { key: keys[5]! })).failed).toBe(0);
    });
  }

  it("finds a snapshot of a hex that nothing else is known of", async () => {
    const stranger = { hexId: hexAt(0, 0), layerId: 0 };
    await store.snapshots.save([snapshotOf(stranger, 2)]);
    const report = await verify(store);
    expect(said(report)).toEqual([`${keyText(stranger)} snapshot`]);
    expect((await verify(store, { key: stranger })).failed).toBe(1);
  });

  it("counts what was saved before the database's life, and is of another history, as no fault", async () => {
    const stranger = { hexId: hexAt(0, 0), layerId: 0 };
    await change("snapshot", "hex_version = 6");
    await pool.query(
      `UPDATE world.snapshot SET last_event_id = gen_random_uuid() WHERE hex_id = ${keys[1]!.hexId} AND layer_id = 0`,
    );
    await store.snapshots.save([snapshotOf(stranger, 2)]);
    expect((await verify(store)).failed).toBe(3);
    await pool.query("UPDATE world.database_life SET life = 8");
    try {
      const report = await verify(store);
      expect(report).toMatchObject({ failed: 0, snapshots: { "other-history": 3, ahead: 0 } });
      expect((await verify(store, { exact: true })).failed).toBe(3);
    } finally {
      await pool.query("UPDATE world.database_life SET life = 0");
    }
  });

  it("takes a snapshot that is behind or missing for a fault with --exact alone", async () => {
    await pool.query("TRUNCATE world.snapshot");
    await store.snapshots.save(keys.slice(1).map((key) => snapshotOf(key, 3)));
    const report = await verify(store);
    expect(report).toMatchObject({ failed: 0, passed: keys.length });
    expect(report.snapshots).toMatchObject({ behind: keys.length - 1, missing: 1, equal: 0 });
    const exact = await verify(store, { exact: true });
    expect(exact).toMatchObject({ failed: keys.length, passed: 0 });
    expect(exact.faults[0]).toMatchObject({ what: "snapshot", expected: `version ${lastVersion}` });
  });

  it("compares a snapshot that is behind with the fold at its version", async () => {
    await pool.query("TRUNCATE world.snapshot");
    await store.snapshots.save([{ ...snapshotOf(victim, 4), hexVersion: 3 }]);
    expect(said(await verify(store))).toEqual([`${keyText(victim)} snapshot`]);
  });

  it("goes on from compacted state, and finds one whose hash is wrong", async () => {
    const { durable, durableHash, stateFormat } = snapshotOf(victim, 3);
    const place = [bucketOf(victim), victim.hexId.toString(), 0];
    await pool.query(
      `INSERT INTO world.hex_base
         (bucket, hex_id, layer_id, hex_version, state, state_hash, state_format, decided_at)
       VALUES ($1, $2, $3, 3, $4, $5, $6, now())`,
      [...place, Buffer.from(durable), Buffer.from(durableHash), stateFormat],
    );
    await pool.query(
      `DELETE FROM world.journal WHERE hex_id = ${victim.hexId} AND layer_id = 0 AND hex_version <= 3`,
    );
    expect(await verify(store, { exact: true })).toMatchObject({ failed: 0 });
    await change("hex_base", "state_hash = sha256('x')");
    expect(said(await verify(store))).toEqual([`${keyText(victim)} base`]);
  });
});

describe.skipIf(mongodbMissing() !== undefined)("hexctl verify, with documents in MongoDB", () => {
  it("compares them, and finds one of a hex that nothing else is known of", async () => {
    const mongo = freshMongoDatabase();
    const snapshots = createMongoSnapshotStore({ url: mongo.url, database: mongo.name });
    const store = { snapshots, listSnapshots: () => listDocuments(mongo.url, mongo.name) };
    try {
      await fillWorld(pool);
      await snapshots.save(keys.map((key) => snapshotOf(key, lastVersion)));
      expect(await verify(store, { exact: true })).toMatchObject({
        failed: 0,
        passed: keys.length,
      });
      const stranger = { hexId: hexAt(0, 0), layerId: 0 };
      await snapshots.save([
        snapshotOf(stranger, 2),
        {
          ...snapshotOf(victim, lastVersion),
          epoch: epoch + 1n,
          durableHash: sha256(Buffer.from("x")),
        },
      ]);
      expect(said(await verify(store)).toSorted()).toEqual(
        [`${keyText(victim)} snapshot`, `${keyText(stranger)} snapshot`].toSorted(),
      );
    } finally {
      await snapshots.close();
      await mongo.drop();
    }
  });
});
