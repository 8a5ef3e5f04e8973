/**
 * Rebuilding hexes: snapshot, if there is one to be trusted, and the tail of the journal behind it; else the
 * compacted base and the journal behind that. A whole batch at a time.
 */
import { sha256, uuidBytes, uuidText } from "@hexhold/messaging";
import { int2Array, int8Array } from "@hexhold/postgres";
import type { PgClient } from "@hexhold/postgres";
import type { HexRecovery, StartState, TailEvent } from "../rules/rules-host.ts";
import type { Snapshot, SnapshotPlace } from "../snapshot/snapshot-store.ts";

export interface RecoveredHex extends HexRecovery {
  readonly place: SnapshotPlace;
  /** Version of the head, which the tail must reach. */
  readonly hexVersion: number;
  /** The journal's event at that version; undefined at version 0 and right behind a compacted state. */
  readonly lastEventId: Uint8Array | undefined;
  /** A snapshot of it was ignored: another is to take its place soon. */
  readonly snapshotIgnored: boolean;
  /** Slot in which the hex may be written; undefined = it has no head yet. */
  readonly slot: string | undefined;
}

/** A hex whose durable state cannot be rebuilt from what is stored. */
export interface Unrecoverable {
  readonly place: SnapshotPlace;
  readonly reason: string;
}

export interface RecoveryReport {
  readonly hexes: readonly RecoveredHex[];
  readonly unrecoverable: readonly Unrecoverable[];
  /** Snapshots that were not used, and why: an alarm, not an error. */
  readonly ignored: readonly { readonly place: SnapshotPlace; readonly reason: string }[];
}

interface Row {
  kind: "head" | "base" | "event";
  hex_id: string;
  layer_id: string;
  hex_version: string;
  slot: string | null;
  type: string | null;
  bytes: Buffer | null;
  hash: Buffer | null;
  event_id: string | null;
  state_format: number | null;
  decided_ms: string;
}

/**
 * Heads, bases and journal tails, from the event of the snapshot on, in one statement, so that they are of one moment. `OFFSET 0` keeps each
 * look-up a look-up by the whole key: on never-analysed tables the planner otherwise reads whole tables
 * (`plans.int.test.ts`).
 */
const text = `
  WITH k AS (
    SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[])
      AS k(bucket, hex_id, layer_id, after)
  )
  SELECT 'head' AS kind, k.hex_id, k.layer_id, h.hex_version, h.slot, NULL AS type, NULL::bytea AS bytes,
         NULL::bytea AS hash, NULL::uuid AS event_id, NULL::integer AS state_format,
         (extract(epoch FROM h.decided_at) * 1000)::bigint AS decided_ms
  FROM k CROSS JOIN LATERAL (
    SELECT * FROM world.hex_head AS t
    WHERE t.bucket = k.bucket AND t.hex_id = k.hex_id AND t.layer_id = k.layer_id OFFSET 0) AS h
  UNION ALL
  SELECT 'base', k.hex_id, k.layer_id, b.hex_version, NULL, NULL, b.state, b.state_hash, NULL, b.state_format,
         (extract(epoch FROM b.decided_at) * 1000)::bigint
  FROM k CROSS JOIN LATERAL (
    SELECT * FROM world.hex_base AS t
    WHERE t.bucket = k.bucket AND t.hex_id = k.hex_id AND t.layer_id = k.layer_id
      AND t.hex_version > k.after OFFSET 0) AS b
  UNION ALL
  SELECT 'event', k.hex_id, k.layer_id, j.hex_version, NULL, j.type, j.payload, NULL, j.event_id, NULL,
         (extract(epoch FROM j.decided_at) * 1000)::bigint
  FROM k CROSS JOIN LATERAL (
    SELECT * FROM world.journal AS t
    WHERE t.bucket = k.bucket AND t.hex_id = k.hex_id AND t.layer_id = k.layer_id
      AND t.hex_version >= k.after OFFSET 0) AS j
  ORDER BY 2, 3, 1, 4`;

/** Reads what `places` are rebuilt from. `snapshots` by key text; a wrong one is ignored. */
export async function readRecovery(
  client: PgClient,
  places: readonly SnapshotPlace[],
  snapshots: ReadonlyMap<string, Snapshot>,
  stateFormat: number,
): Promise<RecoveryReport> {
  const ignored: { place: SnapshotPlace; reason: string }[] = [];
  const trusted = new Map<string, Snapshot>();
  for (const place of places) {
    const snapshot = snapshots.get(place.keyText);
    if (snapshot === undefined) continue;
    const reason = faultOf(snapshot, stateFormat);
    if (reason === undefined) trusted.set(place.keyText, snapshot);
    else ignored.push({ place, reason });
  }
  const first = await readAfter(
    client,
    places,
    (place) => trusted.get(place.keyText)?.hexVersion ?? 0,
  );
  const again: SnapshotPlace[] = [];
  const hexes: RecoveredHex[] = [];
  const unrecoverable: Unrecoverable[] = [];
  for (const place of places) {
    const snapshot = trusted.get(place.keyText);
    const built = build(place, first.get(keyOf(place)) ?? [], snapshot);
    if ("hexVersion" in built) hexes.push(built);
    else if (snapshot === undefined) unrecoverable.push(built);
    else {
      ignored.push({ place, reason: built.reason });
      again.push(place);
    }
  }
  if (again.length > 0) {
    const second = await readAfter(client, again, () => 0);
    for (const place of again) {
      const built = build(place, second.get(keyOf(place)) ?? [], undefined);
      if ("hexVersion" in built) hexes.push(built);
      else unrecoverable.push(built);
    }
  }
  const wasIgnored = new Set(ignored.map(({ place }) => place));
  return {
    hexes: hexes.map((hex) =>
      wasIgnored.has(hex.place) ? { ...hex, snapshotIgnored: true } : hex,
    ),
    unrecoverable,
    ignored,
  };
}

function faultOf(snapshot: Snapshot, stateFormat: number): string | undefined {
  if (snapshot.stateFormat !== stateFormat) {
    return `snapshot of state format ${snapshot.stateFormat}, this software reads ${stateFormat}`;
  }
  if (!Buffer.from(sha256(snapshot.durable)).equals(snapshot.durableHash)) {
    return "the snapshot's hash is not that of its state";
  }
  return undefined;
}

async function readAfter(
  client: PgClient,
  places: readonly SnapshotPlace[],
  after: (place: SnapshotPlace) => number,
): Promise<Map<string, Row[]>> {
  const { rows } = await client.query<Row>({
    name: "read_recovery",
    text,
    values: [
      int2Array(places.map((place) => place.bucket)),
      int8Array(places.map((place) => place.key.hexId)),
      int8Array(places.map((place) => place.key.layerId)),
      int8Array(places.map(after)),
    ],
  });
  return Map.groupBy(rows, (row) => `${row.hex_id}.${row.layer_id}`);
}

function keyOf(place: SnapshotPlace): string {
  return `${place.key.hexId}.${place.key.layerId}`;
}

function build(
  place: SnapshotPlace,
  rows: readonly Row[],
  snapshot: Snapshot | undefined,
): RecoveredHex | Unrecoverable {
  if (snapshot !== undefined) {
    const other = otherHistory(snapshot, rows);
    if (other !== undefined) return { place, reason: other };
  }
  const head = rows.find((row) => row.kind === "head");
  const base = rows.find((row) => row.kind === "base");
  const hexVersion = Number(head?.hex_version ?? 0);
  let start: StartState | undefined;
  if (snapshot !== undefined) start = { ...snapshot, decidedMs: 0 };
  else if (base !== undefined && base.bytes !== null) {
    if (!Buffer.from(sha256(base.bytes)).equals(base.hash ?? Buffer.alloc(0))) {
      return { place, reason: "the compacted state's hash is not that of its bytes" };
    }
    start = {
      durable: base.bytes,
      volatile: new Uint8Array(0),
      hexVersion: Number(base.hex_version),
      volatileCount: 0,
      decidedMs: Number(base.decided_ms),
    };
  }
  const from = start?.hexVersion ?? 0;
  const tail = rows
    .filter((row) => row.kind === "event" && Number(row.hex_version) > from)
    .map((row): TailEvent => ({
      type: row.type ?? "",
      payload: row.bytes ?? new Uint8Array(0),
      hexVersion: Number(row.hex_version),
      decidedMs: Number(row.decided_ms),
    }));
  if (from > hexVersion) {
    return { place, reason: `the snapshot is at ${from}, the head at ${hexVersion}` };
  }
  const lastEvent = rows.findLast(
    (row) => row.kind === "event" && Number(row.hex_version) === hexVersion,
  );
  const gap = tail.findIndex((event, i) => event.hexVersion !== from + 1 + i);
  if (gap >= 0 || from + tail.length !== hexVersion) {
    return {
      place,
      reason: `the journal does not lead from ${from} to the head's ${hexVersion} without a gap`,
    };
  }
  return {
    place,
    keyText: place.keyText,
    start: start === undefined ? undefined : withHeadTime(start, tail, head),
    tail,
    hexVersion,
    lastEventId:
      typeof lastEvent?.event_id === "string" ? uuidBytes(lastEvent.event_id) : undefined,
    snapshotIgnored: false,
    slot: head?.slot ?? undefined,
  };
}

/**
 * Why the snapshot is not of the journal's history, if it is not: a number that fits proves nothing, since a
 * database that came back from an earlier moment counts on from there.
 */
function otherHistory(snapshot: Snapshot, rows: readonly Row[]): string | undefined {
  const { hexVersion, lastEventId } = snapshot;
  if (hexVersion === 0) return undefined;
  if (lastEventId === undefined) return "the snapshot does not say which event was its last";
  const found = rows.find((row) => row.kind === "event" && Number(row.hex_version) === hexVersion);
  const named = uuidText(lastEventId);
  if (found?.event_id === named) return undefined;
  return `the snapshot's event ${hexVersion} is ${named}, the journal's ${found?.event_id ?? "is not there"}`;
}

/** A snapshot does not say when its last event was decided; the head does, when nothing follows. */
function withHeadTime(
  start: StartState,
  tail: readonly TailEvent[],
  head: Row | undefined,
): StartState {
  return tail.length > 0 || head === undefined
    ? start
    : { ...start, decidedMs: Number(head.decided_ms) };
}
