import { openPool } from "@hexhold/postgres";
import { migratedDatabase } from "../../journal/world-database.testing.ts";
import { describeSnapshotStore } from "../snapshot-store-contract.ts";
import { createPostgresSnapshotStore } from "./postgres.ts";

describeSnapshotStore("PostgreSQL", async () => {
  const database = await migratedDatabase();
  const { hostname, port } = new URL(database.url);
  return {
    address: { host: hostname, port: Number(port) },
    open(address) {
      const url = new URL(database.url);
      if (address !== undefined) url.host = `${address.host}:${address.port}`;
      return createPostgresSnapshotStore(
        openPool(
          {
            url: url.href,
            applicationName: "snapshot-store-test",
            statementTimeoutMs: 1000,
            connectTimeoutMs: 1000,
          },
          2,
        ),
      );
    },
    end: database.drop,
  };
});
