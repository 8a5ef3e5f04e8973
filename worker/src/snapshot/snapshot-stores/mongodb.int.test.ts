import { freshMongoDatabase, mongodbMissing } from "@hexhold/testing";
import { MongoClient } from "mongodb";
import { describe } from "vitest";
import { describeSnapshotStore } from "../snapshot-store-contract.ts";
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
      noUpdatesAtOnce: isFerret ? "FerretDB 1.24 stops answering anybody" : undefined,
      end: database.drop,
    };
  });
});

async function isFerretDb(url: string): Promise<boolean> {
  const client = new MongoClient(url);
  try {
    const info = await client.db("admin").command({ buildInfo: 1 });
    return Object.keys(info).some((name) => name.startsWith("ferretdb"));
  } finally {
    await client.close();
  }
}
