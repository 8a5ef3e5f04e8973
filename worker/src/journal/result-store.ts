import { bytesText } from "@hexhold/messaging";
import { byteaArray, int2Array, int4Array } from "@hexhold/postgres";
import type { PgClient } from "@hexhold/postgres";

/** The terminal answer of a command, and what it was given for. */
export interface StoredResult {
  readonly payloadHash: Uint8Array;
  /** As `encodeStoredAnswer` made it. */
  readonly answer: Uint8Array;
}

/** Where the result of a command would be. */
export interface ResultPlace {
  readonly bucket: number;
  readonly requestDay: number;
  readonly idempotencyKey: Uint8Array;
}

/** Stored results of those of `places` that have one, by key as text (`bytesText`). */
export async function findResults(
  client: PgClient,
  places: readonly ResultPlace[],
): Promise<Map<string, StoredResult>> {
  if (places.length === 0) return new Map();
  const { rows } = await client.query<{
    idempotency_key: Buffer;
    payload_hash: Buffer;
    answer: Buffer;
  }>({
    name: "find_results",
    // OFFSET 0 keeps each look-up one by the whole key, whatever the planner knows of the table.
    text: `SELECT r.idempotency_key, r.payload_hash, r.answer
      FROM unnest($1::smallint[], $2::integer[], $3::bytea[]) AS k(bucket, day, key)
      CROSS JOIN LATERAL (
        SELECT * FROM world.command_result AS t
        WHERE t.bucket = k.bucket AND t.request_day = date '1970-01-01' + k.day
          AND t.idempotency_key = k.key OFFSET 0) AS r`,
    values: [
      int2Array(places.map((place) => place.bucket)),
      int4Array(places.map((place) => place.requestDay)),
      byteaArray(places.map((place) => place.idempotencyKey)),
    ],
  });
  return new Map(
    rows.map((row) => [
      bytesText(row.idempotency_key),
      { payloadHash: row.payload_hash, answer: row.answer },
    ]),
  );
}

/** First request day (days since 1970) of which results are kept. */
export async function pruneFloorDay(client: PgClient): Promise<number> {
  const { rows } = await client.query<{ day: number }>(
    "SELECT floor - date '1970-01-01' AS day FROM world.prune_floor",
  );
  return rows[0]?.day ?? 0;
}
