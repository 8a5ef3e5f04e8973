/**
 * Snapshots as documents of `world.hex_state`, which are also the readable world.
 *
 * Kept to what every server that speaks the protocol can do: bulks of at most 50 updates, no upsert whose
 * filter may miss (it raises E11000 and ends the bulk), no transactions.
 */
import { Binary, type Collection, Long, MongoBulkWriteError, MongoClient } from "mongodb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import type { Snapshot, SnapshotPlace, SnapshotStore } from "../snapshot-store.ts";
import { createWorldMark } from "./mongodb-world-mark.ts";

/** A document of `world.hex_state`; `_id` is the key text. */
export interface HexStateDocument {
  _id: string;
  version: Long;
  epoch: Long;
  /** UUID text of the journal's event at `version`; documents of older software have none. */
  last_event_id?: string | null;
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

/** As many as the first loads and saves use at once. */
const warmConnections = 4;
const collectionName = "hex_state";
/**
 * FerretDB holds a connection per update until the bulk ends, and deadlocks when all who write want more
 * than its pool has: smaller bulks leave room for other workers.
 */
const bulkMax = 25;
/** So few documents are read one by one, all at once: FerretDB reads the whole collection for an `$in`. */
const pointReadsMax = 16;
/**
 * Whether a key has a document, as this process saw it last: a save then need not look. Wrong when somebody
 * else has inserted or removed it, which the write finds out.
 */
type Known = Map<string, boolean>;
/** Beyond it all are looked up anew. */
const rememberedMax = 200_000;
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
  // A server of a version that the driver does not know; the operations fail as well.
  client.on("error", () => undefined);
  const collection = client
    .db(options.database ?? "world")
    .collection<HexStateDocument>(collectionName);
  const known: Known = new Map();
  const marks = client
    .db(options.database ?? "world")
    .collection<{ _id: string; world_id: string }>("world");
  const mark = createWorldMark(marks);
  // It may be another one when it comes back.
  client.on("serverHeartbeatFailed", () => mark.forget());
  return {
    claim: (worldId) => mark.claim(worldId),
    async connect() {
      await Promise.all(
        Array.from({ length: warmConnections }, () => collection.findOne({ _id: "" })),
      );
    },
    async load(places) {
      await mark.compare();
      const documents = await find(
        collection,
        places.map((place) => place.keyText),
      );
      const byKey = new Map(documents.map((document) => [document._id, document]));
      const found = new Map<string, Snapshot>();
      for (const place of places) {
        const document = byKey.get(place.keyText);
        if (document !== undefined) found.set(place.keyText, snapshotOf(place, document));
      }
      for (const { keyText } of places) remember(known, keyText, found.has(keyText));
      return found;
    },
    async save(snapshots) {
      await mark.compare();
      // In one order, whoever saves: a server that locks documents until the bulk ends cannot deadlock.
      const ordered = snapshots.toSorted((a, b) => (a.keyText < b.keyText ? -1 : 1));
      for (let from = 0; from < ordered.length; from += bulkMax) {
        await saveBulk(collection, known, ordered.slice(from, from + bulkMax));
      }
    },
    close: () => client.close(),
  };
}

/** A document each for so few keys, else all of them by one query. */
async function find(
  collection: Collection<HexStateDocument>,
  keyTexts: readonly string[],
  projection?: { readonly _id: 1 },
): Promise<HexStateDocument[]> {
  const options = projection === undefined ? {} : { projection };
  if (keyTexts.length > pointReadsMax) {
    return collection.find({ _id: { $in: [...keyTexts] } }, options).toArray();
  }
  const found = await Promise.all(keyTexts.map((_id) => collection.findOne({ _id }, options)));
  return found.filter((document) => document !== null);
}

/** Inserts what is not there, updates what is there and older. */
async function saveBulk(
  collection: Collection<HexStateDocument>,
  known: Known,
  snapshots: readonly Snapshot[],
): Promise<void> {
  const isMissing = await missingOf(
    collection,
    known,
    snapshots.filter((item) => known.get(item.keyText) !== true),
  );
  const missing = snapshots.filter((item) => isMissing.has(item.keyText));
  const inserted = missing.length > 0 && (await insert(collection, missing));
  const updates = inserted ? snapshots.filter((item) => !isMissing.has(item.keyText)) : snapshots;
  const matched = await updateOlder(collection, updates);
  if (matched < updates.length) {
    // Each that was not matched is newer there, or somebody has removed it behind our back.
    const isGone = await missingOf(collection, new Map(), updates);
    const gone = updates.filter((item) => isGone.has(item.keyText));
    if (gone.length > 0 && !(await insert(collection, gone))) await updateOlder(collection, gone);
  }
  for (const { keyText } of snapshots) remember(known, keyText, true);
}

/** Key texts of those that have no document; only what is not known is looked up. */
async function missingOf(
  collection: Collection<HexStateDocument>,
  known: Known,
  snapshots: readonly Snapshot[],
): Promise<ReadonlySet<string>> {
  const keyTexts = snapshots.map((item) => item.keyText);
  const unknown = keyTexts.filter((keyText) => !known.has(keyText));
  const found = unknown.length === 0 ? [] : await find(collection, unknown, { _id: 1 });
  const there = new Set(found.map((document) => document._id));
  return new Set(keyTexts.filter((keyText) => !there.has(keyText)));
}

/** False when somebody else has inserted one of them meanwhile; the others are then there. */
async function insert(
  collection: Collection<HexStateDocument>,
  snapshots: readonly Snapshot[],
): Promise<boolean> {
  try {
    await collection.insertMany(snapshots.map(documentOf), { ordered: false });
    return true;
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError) || error.code !== duplicateKey) throw error;
    return false;
  }
}

/** Returns how many were there and older. */
async function updateOlder(
  collection: Collection<HexStateDocument>,
  snapshots: readonly Snapshot[],
): Promise<number> {
  if (snapshots.length === 0) return 0;
  const { matchedCount } = await collection.bulkWrite(
    snapshots.map((item) => {
      const { _id, ...set } = documentOf(item);
      return { updateOne: { filter: { _id, ...olderThan(set) }, update: { $set: set } } };
    }),
    { ordered: false },
  );
  return matchedCount;
}

function remember(known: Known, keyText: string, isStored: boolean): void {
  if (known.size >= rememberedMax) known.clear();
  known.set(keyText, isStored);
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
    last_event_id: snapshot.lastEventId === undefined ? null : uuidText(snapshot.lastEventId),
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
    lastEventId:
      typeof document.last_event_id === "string" ? uuidBytes(document.last_event_id) : undefined,
    volatileCount: Long.fromValue(document.volatile_count).toNumber(),
    stateFormat: document.schema_version,
    durable: document.state.buffer,
    durableHash: document.state_hash.buffer,
    volatile: document.volatile.buffer,
    readable: JSON.stringify(document.readable),
    updatedMs: document.updated_at.getTime(),
  };
}
