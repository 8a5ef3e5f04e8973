/**
 * Snapshots as documents of `world.hex_state`, which are also the readable world.
 *
 * Kept to what every server that speaks the protocol can do: bulks of at most 50 updates, no upsert whose
 * filter may miss (it raises E11000 and ends the bulk), no transactions.
 */
import { Binary, type Collection, Long, MongoBulkWriteError, MongoClient } from "mongodb";
import type { Snapshot, SnapshotPlace, SnapshotStore } from "../snapshot-store.ts";

/** A document of `world.hex_state`; `_id` is the key text. */
export interface HexStateDocument {
  _id: string;
  version: Long;
  epoch: Long;
  volatile_count: Long;
  schema_version: number;
  updated_at: Date;
  state: Binary;
  state_hash: Binary;
  volatile: Binary;
  readable: Record<string, unknown>;
}

export interface MongoSnapshotOptions {
  readonly url: string;
  /** Default `world`. */
  readonly database?: string;
  /** An operation that takes longer fails. Default 2,000 ms. */
  readonly timeoutMs?: number;
}

const collectionName = "hex_state";
/**
 * FerretDB holds a connection per update until the bulk ends, and deadlocks when all who write want more
 * than its pool has: smaller bulks leave room for other workers.
 */
const bulkMax = 25;
const duplicateKey = 11_000;

export function createMongoSnapshotStore(options: MongoSnapshotOptions): SnapshotStore {
  const timeoutMs = options.timeoutMs ?? 2000;
  const client = new MongoClient(options.url, {
    serverSelectionTimeoutMS: timeoutMs,
    connectTimeoutMS: timeoutMs,
    socketTimeoutMS: timeoutMs,
    maxPoolSize: 8,
    promoteLongs: false,
  });
  const collection = client
    .db(options.database ?? "world")
    .collection<HexStateDocument>(collectionName);
  return {
    async load(places) {
      const documents = await collection
        .find({ _id: { $in: places.map((place) => place.keyText) } })
        .toArray();
      const byKey = new Map(documents.map((document) => [document._id, document]));
      const found = new Map<string, Snapshot>();
      for (const place of places) {
        const document = byKey.get(place.keyText);
        if (document !== undefined) found.set(place.keyText, snapshotOf(place, document));
      }
      return found;
    },
    async save(snapshots) {
      for (let from = 0; from < snapshots.length; from += bulkMax) {
        await saveBulk(collection, snapshots.slice(from, from + bulkMax));
      }
    },
    close: () => client.close(),
  };
}

/** Updates what is there and older; inserts what is not there; updates again what somebody inserted meanwhile. */
async function saveBulk(
  collection: Collection<HexStateDocument>,
  snapshots: readonly Snapshot[],
): Promise<void> {
  const known = await collection
    .find({ _id: { $in: snapshots.map((item) => item.keyText) } }, { projection: { _id: 1 } })
    .toArray();
  const there = new Set(known.map((document) => document._id));
  let updates = snapshots.filter((item) => there.has(item.keyText));
  const inserts = snapshots.filter((item) => !there.has(item.keyText));
  if (inserts.length > 0) {
    try {
      await collection.insertMany(inserts.map(documentOf), { ordered: false });
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError) || error.code !== duplicateKey) throw error;
      updates = [...updates, ...inserts];
    }
  }
  if (updates.length === 0) return;
  await collection.bulkWrite(
    updates.slice(0, bulkMax).map((item) => {
      const { _id, ...set } = documentOf(item);
      return { updateOne: { filter: { _id, ...olderThan(set) }, update: { $set: set } } };
    }),
    { ordered: false },
  );
}

function olderThan(set: Omit<HexStateDocument, "_id">): object {
  const { epoch, version, volatile_count: count } = set;
  return {
    $or: [
      { epoch: { $lt: epoch } },
      { epoch, version: { $lt: version } },
      { epoch, version, volatile_count: { $lt: count } },
    ],
  };
}

function documentOf(snapshot: Snapshot): HexStateDocument {
  return {
    _id: snapshot.keyText,
    version: Long.fromNumber(snapshot.hexVersion),
    epoch: Long.fromBigInt(snapshot.epoch),
    volatile_count: Long.fromNumber(snapshot.volatileCount),
    schema_version: snapshot.stateFormat,
    updated_at: new Date(snapshot.updatedMs),
    state: new Binary(snapshot.durable),
    state_hash: new Binary(snapshot.durableHash),
    volatile: new Binary(snapshot.volatile),
    readable: JSON.parse(snapshot.readable) as Record<string, unknown>,
  };
}

function snapshotOf(place: SnapshotPlace, document: HexStateDocument): Snapshot {
  return {
    ...place,
    epoch: Long.fromValue(document.epoch).toBigInt(),
    hexVersion: Long.fromValue(document.version).toNumber(),
    volatileCount: Long.fromValue(document.volatile_count).toNumber(),
    stateFormat: document.schema_version,
    durable: document.state.buffer,
    durableHash: document.state_hash.buffer,
    volatile: document.volatile.buffer,
    readable: JSON.stringify(document.readable),
    updatedMs: document.updated_at.getTime(),
  };
}
