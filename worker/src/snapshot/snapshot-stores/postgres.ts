import { uuidBytes } from "@hexhold/messaging";
import {
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  textArray,
  uuidArray,
} from "@hexhold/postgres";
import type { PgPool } from "@hexhold/postgres";
import type { Snapshot, SnapshotPlace, SnapshotStore } from "../snapshot-store.ts";

interface Row {
  hex_id: string;
  layer_id: string;
  epoch: string;
  hex_version: string;
  last_event_id: string | null;
  volatile_count: string;
  state_format: number;
  durable: Buffer;
  durable_hash: Buffer;
  volatile: Buffer;
  readable: string;
  updated_ms: string;
}

/** Snapshots in `world.snapshot`, for the embedded profile. `pool` is closed with the store. */
export function createPostgresSnapshotStore(pool: PgPool): SnapshotStore {
  let closing: Promise<void> | undefined;
  return {
    async connect() {
      await pool.query("SELECT 1");
    },
    async load(places) {
      const { rows } = await pool.query<Row>({
        name: "load_snapshots",
        text: `SELECT s.hex_id, s.layer_id, s.epoch, s.hex_version, s.last_event_id, s.volatile_count, s.state_format,
            s.durable, s.durable_hash, s.volatile, s.readable::text AS readable,
            (extract(epoch FROM s.updated_at) * 1000)::bigint AS updated_ms
          FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS k(bucket, hex_id, layer_id)
          CROSS JOIN LATERAL (
            SELECT * FROM world.snapshot AS t
            WHERE t.bucket = k.bucket AND t.hex_id = k.hex_id AND t.layer_id = k.layer_id OFFSET 0) AS s`,
        values: [
          int2Array(places.map((place) => place.bucket)),
          int8Array(places.map((place) => place.key.hexId)),
          int8Array(places.map((place) => place.key.layerId)),
        ],
      });
      const byKey = new Map(rows.map((row) => [`${row.hex_id}.${row.layer_id}`, row]));
      const found = new Map<string, Snapshot>();
      for (const place of places) {
        const row = byKey.get(`${place.key.hexId}.${place.key.layerId}`);
        if (row !== undefined) found.set(place.keyText, snapshotOf(place, row));
      }
      return found;
    },
    async save(given) {
      const snapshots = given.toSorted(byKeyText);
      await pool.query({
        name: "save_snapshots",
        text: "SELECT world.save_snapshots($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        values: [
          int2Array(snapshots.map((item) => item.bucket)),
          int8Array(snapshots.map((item) => item.key.hexId)),
          int8Array(snapshots.map((item) => item.key.layerId)),
          int8Array(snapshots.map((item) => item.epoch)),
          int8Array(snapshots.map((item) => item.hexVersion)),
          int8Array(snapshots.map((item) => item.volatileCount)),
          int4Array(snapshots.map((item) => item.stateFormat)),
          byteaArray(snapshots.map((item) => item.durable)),
          byteaArray(snapshots.map((item) => item.durableHash)),
          byteaArray(snapshots.map((item) => item.volatile)),
          textArray(snapshots.map((item) => item.readable)),
          uuidArray(snapshots.map((item) => item.lastEventId ?? null)),
        ],
      });
    },
    close: () => (closing ??= pool.end()),
  };
}

/** Two saves of the same hexes lock their rows in one order, so that neither waits for the other. */
function byKeyText(a: Snapshot, b: Snapshot): number {
  return a.keyText < b.keyText ? -1 : 1;
}

function snapshotOf(place: SnapshotPlace, row: Row): Snapshot {
  return {
    ...place,
    epoch: BigInt(row.epoch),
    hexVersion: Number(row.hex_version),
    lastEventId: row.last_event_id === null ? undefined : uuidBytes(row.last_event_id),
    volatileCount: Number(row.volatile_count),
    stateFormat: row.state_format,
    durable: row.durable,
    durableHash: row.durable_hash,
    volatile: row.volatile,
    readable: row.readable,
    updatedMs: Number(row.updated_ms),
  };
}
