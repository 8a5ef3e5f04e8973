/** All rows of a bucket as of one moment, in the order of their keys, a few at a time. */
import type { Key } from "@hexhold/hex";
import type { PgClient } from "@hexhold/postgres";
import type { StoredBase, StoredEvent, StoredHead } from "./check-hex.ts";

/** Rows of one table that belong to one hex, in order. */
export interface Stream<T> {
  /** The key of the next row; undefined = no more rows. */
  peek(): Promise<Key | undefined>;
  /** The next row, if it belongs to `key`. */
  take(key: Key): Promise<T | undefined>;
}

export interface BucketRows {
  readonly heads: Stream<StoredHead>;
  readonly bases: Stream<StoredBase>;
  readonly journal: Stream<StoredEvent>;
}

interface Row {
  readonly hex_id: string;
  readonly layer_id: string;
  readonly hex_version: string;
  readonly epoch: string;
  readonly event_id: string;
  readonly type: string;
  readonly bytes: Buffer;
  readonly hash: Buffer;
  readonly state_format: number;
}

/** So many rows of a journal are in memory at once: at most 16 KiB each. */
const journalFetch = 250;
/** So many snapshots are read at once. */
const headFetch = 16;

/**
 * Calls `work` with the rows of `bucket`, or of `key` alone, in a transaction that sees one moment and writes
 * nothing. `onHeads` is told the keys of heads a few at a time, before any of them is given out.
 */
export async function readBucket<T>(
  client: PgClient,
  bucket: number,
  key: Key | undefined,
  onHeads: (keys: readonly Key[]) => Promise<void>,
  work: (rows: BucketRows) => Promise<T>,
): Promise<T> {
  const where = `WHERE bucket = ${bucket}${
    key === undefined ? "" : ` AND hex_id = ${key.hexId} AND layer_id = ${key.layerId}`
  } ORDER BY bucket, hex_id, layer_id`;
  await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    DECLARE heads NO SCROLL CURSOR FOR
      SELECT hex_id, layer_id, hex_version, epoch FROM world.hex_head ${where};
    DECLARE bases NO SCROLL CURSOR FOR
      SELECT hex_id, layer_id, hex_version, state AS bytes, state_hash AS hash, state_format
      FROM world.hex_base ${where};
    DECLARE journal NO SCROLL CURSOR FOR
      SELECT hex_id, layer_id, hex_version, epoch, event_id, type, payload AS bytes
      FROM world.journal ${where}, hex_version`);
  try {
    return await work({
      heads: stream(client, "heads", headFetch, headOf, onHeads),
      bases: stream(client, "bases", 1, baseOf),
      journal: stream(client, "journal", journalFetch, eventOf),
    });
  } finally {
    await client.query("ROLLBACK").catch(() => undefined);
  }
}

function stream<T>(
  client: PgClient,
  cursor: string,
  fetch: number,
  of: (row: Row) => T,
  onFetched?: (keys: readonly Key[]) => Promise<void>,
): Stream<T> {
  let rows: Row[] = [];
  let at = 0;
  let ended = false;
  const next = async (): Promise<Row | undefined> => {
    if (at === rows.length && !ended) {
      ({ rows } = await client.query<Row>(`FETCH ${fetch} FROM ${cursor}`));
      at = 0;
      ended = rows.length < fetch;
      if (rows.length > 0) await onFetched?.(rows.map(keyOf));
    }
    return rows[at];
  };
  return {
    async peek() {
      const row = await next();
      return row === undefined ? undefined : keyOf(row);
    },
    async take(key) {
      const row = await next();
      if (row === undefined || BigInt(row.hex_id) !== key.hexId) return undefined;
      if (Number(row.layer_id) !== key.layerId) return undefined;
      at++;
      return of(row);
    },
  };
}

function keyOf(row: Row): Key {
  return { hexId: BigInt(row.hex_id), layerId: Number(row.layer_id) };
}

function headOf(row: Row): StoredHead {
  return { hexVersion: Number(row.hex_version), epoch: BigInt(row.epoch) };
}

function baseOf(row: Row): StoredBase {
  return {
    hexVersion: Number(row.hex_version),
    state: row.bytes,
    stateHash: row.hash,
    stateFormat: row.state_format,
  };
}

function eventOf(row: Row): StoredEvent {
  return {
    hexVersion: Number(row.hex_version),
    epoch: BigInt(row.epoch),
    eventId: row.event_id,
    type: row.type,
    payload: row.bytes,
  };
}
