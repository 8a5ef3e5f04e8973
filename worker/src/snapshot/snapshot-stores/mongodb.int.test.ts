import { freshMongoDatabase, mongodbMissing } from "@hexhold/testing";
import { describe } from "vitest";
import { describeSnapshotStore } from "../snapshot-store-contract.ts";
import { createMongoSnapshotStore } from "./mongodb.ts";

describe.skipIf(mongodbMissing() !== undefined)("with a MongoDB", () => {
  describeSnapshotStore("MongoDB", () => {
    const database = freshMongoDatabase();
    const { hostname, port } = new URL(database.url);
    return Promise.resolve({
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
      end: database.drop,
    });
  });
});
