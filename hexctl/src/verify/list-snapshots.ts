/** Names and versions of all stored snapshots, a few at a time. */
import { type Key, KeyTextError, parseKeyText } from "@hexhold/hex";
import { openConnection } from "@hexhold/postgres";
import { Long, MongoClient } from "mongodb";
import type { ListedSnapshot } from "./verify-world.ts";

const timeoutMs = 5000;
const fetchCount = 1000;

/** Documents of `hex_state`; one whose `_id` is no key is nobody's and left out. */
export async function* listDocuments(
  url: string,
  database: string,
): AsyncGenerator<ListedSnapshot, void, undefined> {
  const client = new MongoClient(url, {
    serverSelectionTimeoutMS: timeoutMs,
    connectTimeoutMS: timeoutMs,
    promoteLongs: false,
  });
  client.on("error", () => undefined);
  try {
    const documents = client
      .db(database)
      .collection<{ _id: string; version: Long; epoch: Long }>("hex_state")
      .find({}, { projection: { _id: 1, version: 1, epoch: 1 }, batchSize: fetchCount });
    for await (const { _id, version, epoch } of documents) {
      const key = keyOf(_id);
      if (key === undefined) continue;
      const hexVersion = Long.fromValue(version).toNumber();
      yield { key, hexVersion, epoch: Long.fromValue(epoch).toBigInt() };
    }
  } finally {
    await client.close();
  }
}

/** Rows of `world.snapshot`. */
export async function* listSnapshotRows(
  postgresUrl: string,
): AsyncGenerator<ListedSnapshot, void, undefined> {
  const client = await openConnection({
    url: postgresUrl,
    applicationName: "hexctl-verify-snapshots",
  });
  try {
    // Its reader asks PostgreSQL between two fetches, on another connection.
    await client.query("SET idle_in_transaction_session_timeout = 120000");
    await client.query(`BEGIN READ ONLY; DECLARE snapshots NO SCROLL CURSOR FOR
      SELECT hex_id, layer_id, hex_version, epoch FROM world.snapshot`);
    for (;;) {
      const { rows } = await client.query<{
        hex_id: string;
        layer_id: string;
        hex_version: string;
        epoch: string;
      }>(`FETCH ${fetchCount} FROM snapshots`);
      if (rows.length === 0) return;
      for (const row of rows) {
        const key = { hexId: BigInt(row.hex_id), layerId: Number(row.layer_id) };
        yield { key, hexVersion: Number(row.hex_version), epoch: BigInt(row.epoch) };
      }
    }
  } finally {
    await client.end();
  }
}

function keyOf(id: string): Key | undefined {
  try {
    return parseKeyText(id);
  } catch (error) {
    if (error instanceof KeyTextError) return undefined;
    throw error;
  }
}
