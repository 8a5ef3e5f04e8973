/** Rows of the journal as people read them. */
import { fromBinary, type Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { bucketOf, type Key, keyText } from "@hexhold/hex";
import { type MessageRegistry, uuidText } from "@hexhold/messaging";
import { int2Array, int8Array, type PgClient } from "@hexhold/postgres";
import { placesOf, type Readable, readableMessage } from "./readable-message.ts";

export interface JournalRow {
  readonly key: string;
  readonly hexVersion: number;
  readonly epoch: string;
  readonly type: string;
  readonly messageVersion: number;
  /** Of the player whose command it was; null = of a service. */
  readonly accountId: string | null;
  /** ISO 8601. */
  readonly decidedAt: string;
  /** A type that the game does not know: the bytes in base64. */
  readonly payload: Readable;
}

/** A hex whose journal names a player. */
export interface NamingHex {
  readonly key: Key;
  /** Rows that name it. */
  readonly rows: number;
  readonly lastDecidedAt: string;
}

interface Row {
  hex_id: string;
  layer_id: string;
  hex_version: string;
  epoch: string;
  type: string;
  message_version: number;
  account_id: string | null;
  decided_at: Date;
  payload: Buffer;
}

const columns =
  "j.hex_id, j.layer_id, j.hex_version, j.epoch, j.type, j.message_version, j.account_id, j.decided_at, j.payload";

/** The last `count` rows of a hex, the newest first. */
export async function lastRows(
  client: PgClient,
  key: Key,
  count: number,
  registry: MessageRegistry,
): Promise<JournalRow[]> {
  const { rows } = await client.query<Row>(
    `SELECT ${columns} FROM world.journal AS j
     WHERE bucket = $1 AND hex_id = $2 AND layer_id = $3 ORDER BY hex_version DESC LIMIT $4`,
    [bucketOf(key), key.hexId.toString(), key.layerId, count],
  );
  return rows.map((row) => journalRow(row, registry));
}

/**
 * Hexes whose journal names `playerId`, the last one first, and the last `count` rows that do: those of its own
 * commands, and those of others whose payload has a field with its id. Reads the whole journal: no index knows
 * what payloads say.
 */
export async function rowsNaming(
  client: PgClient,
  playerId: Uint8Array,
  count: number,
  registry: MessageRegistry,
): Promise<{ readonly hexes: readonly NamingHex[]; readonly rows: readonly JournalRow[] }> {
  const { rows: found } = await client.query<{
    hex_id: string;
    layer_id: string;
    count: string;
    last: Date;
    versions: string[];
  }>(
    `SELECT hex_id, layer_id, count(*) AS count, max(decided_at) AS last,
            (array_agg(hex_version ORDER BY hex_version DESC))[:$3] AS versions
     FROM world.journal WHERE account_id = $1 OR position($2::bytea IN payload) > 0
     GROUP BY bucket, hex_id, layer_id ORDER BY max(decided_at) DESC`,
    [uuidText(playerId), Buffer.from(playerId), count],
  );
  const places = found.flatMap(({ hex_id, layer_id, versions }) => {
    const key = { hexId: BigInt(hex_id), layerId: Number(layer_id) };
    return versions.map((version) => ({ key, version: BigInt(version) }));
  });
  const { rows } = await client.query<Row>(
    `SELECT ${columns}
     FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[])
       AS k(bucket, hex_id, layer_id, hex_version)
     CROSS JOIN LATERAL (SELECT * FROM world.journal AS t
       WHERE t.bucket = k.bucket AND t.hex_id = k.hex_id AND t.layer_id = k.layer_id
         AND t.hex_version = k.hex_version OFFSET 0) AS j
     ORDER BY j.decided_at DESC, j.hex_version DESC`,
    [
      int2Array(places.map(({ key }) => bucketOf(key))),
      int8Array(places.map(({ key }) => key.hexId)),
      int8Array(places.map(({ key }) => key.layerId)),
      int8Array(places.map(({ version }) => version)),
    ],
  );
  return {
    hexes: found.map(({ hex_id, layer_id, count: rowCount, last }) => ({
      key: { hexId: BigInt(hex_id), layerId: Number(layer_id) },
      rows: Number(rowCount),
      lastDecidedAt: last.toISOString(),
    })),
    // Bytes that happen to be the same, across two fields, name nobody.
    rows: rows
      .filter((row) => row.account_id === uuidText(playerId) || names(row, playerId, registry))
      .slice(0, count)
      .map((row) => journalRow(row, registry)),
  };
}

/** One line of a table. */
export function journalLine(row: JournalRow, withKey: boolean): string {
  const who = row.accountId === null ? "a service" : row.accountId;
  const where = withKey ? `${row.key}  ` : "";
  return `  ${where}${String(row.hexVersion).padStart(6)}  ${row.decidedAt}  ${row.type}  by ${who}  ${JSON.stringify(row.payload)}`;
}

function journalRow(row: Row, registry: MessageRegistry): JournalRow {
  return {
    key: keyText({ hexId: BigInt(row.hex_id), layerId: Number(row.layer_id) }),
    hexVersion: Number(row.hex_version),
    epoch: row.epoch,
    type: row.type,
    messageVersion: row.message_version,
    accountId: row.account_id,
    decidedAt: row.decided_at.toISOString(),
    payload: payloadOf(row, registry),
  };
}

function payloadOf({ type, payload }: Row, registry: MessageRegistry): Readable {
  const schema = registry.byType(type)?.schema as GenMessage<Message> | undefined;
  try {
    if (schema !== undefined) return readableMessage(schema, fromBinary(schema, payload));
  } catch {
    // Shown as it is stored.
  }
  return payload.toString("base64");
}

function names({ type, payload }: Row, id: Uint8Array, registry: MessageRegistry): boolean {
  const schema = registry.byType(type)?.schema as GenMessage<Message> | undefined;
  try {
    // A type that is not known here may name anybody.
    return schema === undefined || placesOf(schema, fromBinary(schema, payload), id).length > 0;
  } catch {
    return true;
  }
}
