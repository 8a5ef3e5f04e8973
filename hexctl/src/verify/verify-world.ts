/** Folds the journal of every hex and compares it with what else is stored of the hex. Changes nothing. */
import type { Game } from "@hexhold/actor";
import { bucketCount, bucketOf, type Key, keyText } from "@hexhold/hex";
import { createMessageRegistry, sha256, uuidText } from "@hexhold/messaging";
import { int2Array, int8Array, openConnection, type PgClient } from "@hexhold/postgres";
import type { Snapshot, SnapshotPlace, SnapshotStore } from "@hexhold/worker";
import { checkLedger, type LedgerVerdict } from "./check-ledger.ts";
import { checkHex, type CheckRules, type HexVerdict, type SnapshotDigest } from "./check-hex.ts";
import { type BucketRows, readBucket } from "./read-bucket.ts";
import {
  faultsMax,
  type LedgerStanding,
  type SnapshotStanding,
  type VerifyFault,
  type VerifyReport,
} from "./verify-report.ts";

/** A stored snapshot by name and version. */
export interface ListedSnapshot {
  readonly key: Key;
  readonly hexVersion: number;
  readonly epoch: bigint;
}

export interface VerifyOptions {
  /** Of a role that reads schema `world`. */
  readonly postgresUrl: string;
  readonly game: Game;
  readonly snapshots: Pick<SnapshotStore, "load">;
  /** Every snapshot that is stored, to find those of hexes that nothing else is known of. */
  readonly listSnapshots: () => AsyncIterable<ListedSnapshot>;
  /** This hex alone. */
  readonly key?: Key;
  /** A snapshot that is behind, missing or of another state format is a fault. */
  readonly exact: boolean;
  /** Compare the ledger with the journal, too: one check more, unless one hex alone is looked at. */
  readonly ledger: boolean;
  /** After each bucket. */
  readonly onProgress?: (bucketsDone: number, hexes: number, events: number) => void;
}

/** A fetch of a cursor; a bucket that was never analysed may be sorted first. */
const statementTimeoutMs = 120_000;
const listedAtOnce = 500;

/**
 * Rejects when PostgreSQL or the store of snapshots does not answer. Memory is bounded by one hex's state, and by some
 * 200 bytes for each player and asset that the ledger has.
 */
export async function verifyWorld(options: VerifyOptions): Promise<VerifyReport> {
  const startedMs = performance.now();
  const { game, exact, key } = options;
  const tally = createTally();
  const client = await openConnection({
    url: options.postgresUrl,
    applicationName: "hexctl-verify",
    statementTimeoutMs,
  });
  try {
    const registry = createMessageRegistry(game.descriptors);
    const rules: CheckRules = { game, registry, exact, life: await readLife(client) };
    // The store of snapshots is asked in between, and may be slow.
    await client.query(`SET idle_in_transaction_session_timeout = ${statementTimeoutMs}`);
    const buckets =
      key === undefined ? Array.from({ length: bucketCount }, (_, i) => i) : [bucketOf(key)];
    for (const [done, bucket] of buckets.entries()) {
      const again: Key[] = [];
      await checkBucket(client, options, rules, bucket, undefined, (verdict) => {
        // Saved after the moment of the transaction, or a fault: looked at again, the snapshot first.
        if (verdict.snapshot === "ahead") again.push(verdict.key);
        else tally.add(verdict);
      });
      for (const one of again) {
        const verdict = await verifyHex(client, options.snapshots, rules, one, bucket);
        if (verdict !== undefined) tally.add(verdict);
      }
      options.onProgress?.(done + 1, tally.hexes, tally.events);
    }
    for await (const { key: orphan, hexVersion, epoch } of orphans(client, options)) {
      if (epoch < rules.life && !exact) {
        tally.orphanOfOtherHistory();
        continue;
      }
      const found = `a snapshot at version ${hexVersion}`;
      tally.orphan({ key: keyText(orphan), what: "snapshot", expected: "a journal", found });
    }
    const ledger =
      options.ledger && key === undefined ? await checkLedger(client, game) : undefined;
    if (ledger !== undefined) tally.ledger(ledger, exact);
    return {
      exact,
      ...(key === undefined ? {} : { key: keyText(key) }),
      ...tally.result(),
      quarantined: await countQuarantined(client, key),
      tookMs: Math.round(performance.now() - startedMs),
    };
  } finally {
    await client.end();
  }
}

/**
 * Checks one hex, its snapshot as it was before the journal is read. Undefined: no row is stored of it.
 * `bucket`: where its rows are looked for; default: where they belong.
 */
export async function verifyHex(
  client: PgClient,
  snapshots: Pick<SnapshotStore, "load">,
  rules: CheckRules,
  key: Key,
  bucket = bucketOf(key),
): Promise<HexVerdict | undefined> {
  const known = await digests(snapshots, [key]);
  let verdict: HexVerdict | undefined;
  await checkBucket(client, { snapshots }, rules, bucket, { key, known }, (found) => {
    verdict = found;
  });
  return verdict;
}

/** `alone`: one hex, with its snapshot as it was before the transaction began. */
async function checkBucket(
  client: PgClient,
  options: Pick<VerifyOptions, "snapshots" | "key">,
  rules: CheckRules,
  bucket: number,
  alone: { readonly key: Key; readonly known: Digests } | undefined,
  onVerdict: (verdict: HexVerdict) => void,
): Promise<void> {
  let known: Digests = alone?.known ?? new Map();
  const onHeads = async (keys: readonly Key[]): Promise<void> => {
    if (alone === undefined) known = await digests(options.snapshots, keys);
  };
  const only = alone?.key ?? options.key;
  await readBucket(client, bucket, only, onHeads, async (rows) => {
    for (let key = await firstKey(rows); key !== undefined; key = await firstKey(rows)) {
      const head = await rows.heads.take(key);
      if (head === undefined && alone === undefined) {
        known = new Map([...known, ...(await digests(options.snapshots, [key]))]);
      }
      const check = checkHex(
        { key, bucket, head, base: await rows.bases.take(key), snapshot: known.get(keyText(key)) },
        rules,
      );
      for (;;) {
        const event = await rows.journal.take(key);
        if (event === undefined) break;
        check.event(event);
      }
      onVerdict(check.end());
    }
  });
}

async function firstKey({ heads, bases, journal }: BucketRows): Promise<Key | undefined> {
  const keys = [await heads.peek(), await bases.peek(), await journal.peek()];
  return keys.filter((key) => key !== undefined).toSorted(byKey)[0];
}

function byKey(a: Key, b: Key): number {
  if (a.hexId !== b.hexId) return a.hexId < b.hexId ? -1 : 1;
  return a.layerId - b.layerId;
}

/** By key text. */
type Digests = ReadonlyMap<string, SnapshotDigest>;

async function digests(store: Pick<SnapshotStore, "load">, keys: readonly Key[]): Promise<Digests> {
  const found = await store.load(keys.map(placeOf));
  return new Map([...found].map(([text, snapshot]) => [text, digestOf(snapshot)]));
}

function placeOf(key: Key): SnapshotPlace {
  return { key, keyText: keyText(key), bucket: bucketOf(key) };
}

function digestOf(snapshot: Snapshot): SnapshotDigest {
  const { epoch, hexVersion, stateFormat, durable, durableHash } = snapshot;
  const lastEventId =
    snapshot.lastEventId === undefined ? undefined : uuidText(snapshot.lastEventId);
  const hash = Buffer.from(durableHash).toString("hex");
  const hashOfState = Buffer.from(sha256(durable)).toString("hex");
  return { epoch, hexVersion, lastEventId, stateFormat, hash, hashOfState };
}

/** Snapshots of hexes that have neither head nor journal. One of version 0 holds volatile state alone. */
async function* orphans(
  client: PgClient,
  { key, snapshots, listSnapshots }: VerifyOptions,
): AsyncIterable<ListedSnapshot> {
  if (key !== undefined) {
    const digest = (await digests(snapshots, [key])).get(keyText(key));
    if (digest !== undefined) {
      const { hexVersion, epoch } = digest;
      yield* await withoutJournal(client, [{ key, hexVersion, epoch }]);
    }
    return;
  }
  let waiting: ListedSnapshot[] = [];
  for await (const listed of listSnapshots()) {
    waiting.push(listed);
    if (waiting.length < listedAtOnce) continue;
    yield* await withoutJournal(client, waiting);
    waiting = [];
  }
  yield* await withoutJournal(client, waiting);
}

async function withoutJournal(
  client: PgClient,
  listed: readonly ListedSnapshot[],
): Promise<ListedSnapshot[]> {
  const some = listed.filter(({ hexVersion }) => hexVersion > 0);
  const { rows } = await client.query<{ n: string }>({
    name: "without_journal",
    text: `SELECT k.n FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY
        AS k(bucket, hex_id, layer_id, n)
      WHERE NOT EXISTS (SELECT 1 FROM world.hex_head AS h
          WHERE h.bucket = k.bucket AND h.hex_id = k.hex_id AND h.layer_id = k.layer_id)
        AND NOT EXISTS (SELECT 1 FROM world.journal AS j
          WHERE j.bucket = k.bucket AND j.hex_id = k.hex_id AND j.layer_id = k.layer_id)`,
    values: [
      int2Array(some.map((item) => bucketOf(item.key))),
      int8Array(some.map((item) => item.key.hexId)),
      int8Array(some.map((item) => item.key.layerId)),
    ],
  });
  return rows.map(({ n }) => some[Number(n) - 1]!);
}

/** Life of the database; 0 = no worker has begun one. */
export async function readLife(client: PgClient): Promise<bigint> {
  const { rows } = await client.query<{ life: string }>("SELECT life FROM world.database_life");
  return BigInt(rows[0]?.life ?? 0);
}

async function countQuarantined(client: PgClient, key: Key | undefined): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM world.quarantined_hex
     WHERE $1::bigint IS NULL OR (hex_id = $1 AND layer_id = $2)`,
    [key?.hexId.toString() ?? null, key?.layerId ?? 0],
  );
  return rows[0]?.n ?? 0;
}

function createTally() {
  const snapshots: Record<SnapshotStanding, number> = {
    equal: 0,
    behind: 0,
    missing: 0,
    "other-format": 0,
    "other-history": 0,
    ahead: 0,
    different: 0,
    unsound: 0,
    unknown: 0,
  };
  const faults: VerifyFault[] = [];
  let faultsTotal = 0;
  let hexes = 0;
  let events = 0;
  let failed = 0;
  let ledger: LedgerStanding | undefined;
  let ledgerFailed = 0;
  const keep = (found: readonly VerifyFault[]): void => {
    faultsTotal += found.length;
    faults.push(...found.slice(0, faultsMax - faults.length));
  };
  return {
    get hexes() {
      return hexes;
    },
    get events() {
      return events;
    },
    add(verdict: HexVerdict): void {
      hexes++;
      events += verdict.events;
      snapshots[verdict.snapshot]++;
      if (verdict.faults.length > 0) failed++;
      keep(verdict.faults);
    },
    orphan(fault: VerifyFault): void {
      hexes++;
      failed++;
      snapshots.ahead++;
      keep([fault]);
    },
    /** Counts as one; what is owed is a fault of a world at rest alone. */
    ledger({ faults: found, ...standing }: LedgerVerdict, exact: boolean): void {
      ledger = standing;
      const owed =
        exact && standing.owedTotal > 0
          ? [
              {
                key: standing.owed[0]?.eventId ?? "inventory",
                what: "ledger",
                expected: "no event without its credit",
                found: `${standing.owedTotal} owed`,
              } as const,
            ]
          : [];
      ledgerFailed = found.length + owed.length > 0 ? 1 : 0;
      keep([...found, ...owed]);
    },
    orphanOfOtherHistory(): void {
      hexes++;
      snapshots["other-history"]++;
    },
    result: () => ({
      hexes,
      events,
      snapshots,
      passed: hexes - failed + (ledger === undefined ? 0 : 1 - ledgerFailed),
      failed: failed + ledgerFailed,
      ...(ledger === undefined ? {} : { ledger }),
      faults,
      faultsTotal,
    }),
  };
}
