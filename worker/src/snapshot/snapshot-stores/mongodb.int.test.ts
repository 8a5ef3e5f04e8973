import { freshMongoDatabase, mongodbMissing } from "@hexhold/testing";
import { MongoClient } from "mongodb";
import { describe, expect, test } from "vitest";
import { describeSnapshotStore, snapshotOf } from "../snapshot-store-contract.ts";
import { createMongoSnapshotStore } from "./mongodb.ts";

describe.skipIf(mongodbMissing() !== undefined)("with a MongoDB", () => {
  describeSnapshotStore("MongoDB", async () => {
    const database = freshMongoDatabase();
    const { hostname, port } = new URL(database.url);
    const isFerret = await isFerretDb(database.url);
    return {
      address: { host: hostname, port: Number(port) },
      open(address) {
        const url = new URL(database.url);
        if (address !== undefined) url.host = `${address.host}:${address.port}`;
        return createMongoSnapshotStore({
          // As given, unless another address is wanted.
          url: address === undefined ? database.url : url.href,
          database: database.name,
          timeoutMs: 1000,
        });
      },
      noUpdatesAtOnce: isFerret
        ? "FerretDB 1.24 looks at the filter before it locks: the older of two updates at once may win"
        : undefined,
      end: database.drop,
    };
  });
});

test.skipIf(mongodbMissing() !== undefined)(
  "a document that was removed behind the store's back is made again by the next save",
  async () => {
    const database = freshMongoDatabase();
    const store = createMongoSnapshotStore({ url: database.url, database: database.name });
    const client = new MongoClient(database.url);
    const snapshots = Array.from({ length: 6 }, (_, i) => snapshotOf(i, [1, 1, 0]));
    try {
      await store.save(snapshots);
      await client.db(database.name).collection("hex_state").deleteMany({});
      const later = Array.from({ length: 6 }, (_, i) => snapshotOf(i, [1, 2, 0]));
      await store.save(later);
      const found = await store.load(later);
      expect([...found.values()].map(({ hexVersion }) => hexVersion)).toEqual([2, 2, 2, 2, 2, 2]);
    } finally {
      await store.close();
      await client.close();
      await database.drop();
    }
  },
);

test.skipIf(mongodbMissing() !== undefined)(
  "another world's snapshots are neither read nor written, and the refusal names both worlds",
  async () => {
    const database = freshMongoDatabase();
    const open = () => createMongoSnapshotStore({ url: database.url, database: database.name });
    const [ours, again, theirs] = [open(), open(), open()];
    const snapshots = [snapshotOf(0, [1, 1, 0])];
    try {
      await Promise.all([theirs.claim!("theirs"), again.claim!("theirs")]);
      await theirs.save(snapshots);
      const refusal = /snapshots of the world theirs.*this is the world ours/;
      await expect(ours.claim!("ours")).rejects.toThrow(refusal);
      await expect(ours.load(snapshots)).rejects.toThrow(refusal);
      await expect(ours.save(snapshots)).rejects.toThrow(refusal);
      expect((await again.load(snapshots)).size).toBe(1);
    } finally {
      await Promise.all([ours.close(), again.close(), theirs.close()]);
      await database.drop();
    }
  },
);

async function isFerretDb(url: string): Promise<boolean> {
  const client = new MongoClient(url);
  try {
    const info = await client.db("admin").command({ buildInfo: 1 });
    return Object.keys(info).some((name) => name.startsWith("ferretdb"));
  } finally {
    await client.close();
  }
}
