/** Contributions, and the points that are derived from them. */
import type { Transaction } from "@hexhold/domain";
import { uuidBytes } from "@hexhold/messaging";
import { int4Array, int8Array, textArray, uuidArray } from "@hexhold/postgres";
import type { Points, Worth } from "../rules/points.ts";

/** Whose points where. */
export interface Place {
  readonly account: string;
  readonly hex: string;
}

/** For maps. */
export function placeText({ account, hex }: Place): string {
  return `${account} ${hex}`;
}

/** Locks points, in one order; those that are not there are made. By `placeText`. */
export async function lockReputation(
  transaction: Transaction,
  places: readonly Place[],
): Promise<ReadonlyMap<string, Points>> {
  if (places.length === 0) return new Map();
  const rows = await transaction.query<Place & { points: string; day: number }>({
    name: "governance_lock_reputation",
    text: `SELECT r.account_id::text AS account, r.hex, r.points::text AS points, r.day
      FROM governance.lock_reputation($1, $2) AS r`,
    values: [
      uuidArray(places.map(({ account }) => uuidBytes(account))),
      textArray(places.map(({ hex }) => hex)),
    ],
  });
  return new Map(rows.map((row) => [placeText(row), { points: BigInt(row.points), day: row.day }]));
}

/** Those of these events whose contributions are in the journal. */
export async function knownEvents(
  transaction: Transaction,
  events: readonly Uint8Array[],
): Promise<ReadonlySet<string>> {
  const rows = await transaction.query<{ id: string }>({
    name: "governance_known_events",
    text: `SELECT e.id::text AS id FROM unnest($1::uuid[]) AS e (id)
      WHERE EXISTS (SELECT 1 FROM governance.contribution AS c WHERE c.event_id = e.id)`,
    values: [uuidArray(events)],
  });
  return new Set(rows.map(({ id }) => id));
}

/** What an account has contributed to a hex, by day. */
export async function journalOf(
  transaction: Transaction,
  { account, hex }: Place,
): Promise<readonly Worth[]> {
  const rows = await transaction.query<{ day: number; value: string }>({
    name: "governance_journal_of",
    text: `SELECT floor(extract(epoch FROM at) / 86400)::integer AS day, sum(value)::text AS value
      FROM governance.contribution WHERE account_id = $1 AND hex = $2 GROUP BY 1`,
    values: [account, hex],
  });
  return rows.map(({ day, value }) => ({ day, value: BigInt(value) }));
}

export interface NewContribution extends Place {
  /** Of the hex. */
  readonly eventId: Uint8Array;
  /** Its place among what the event says, from 1. */
  readonly nth: number;
  readonly value: bigint;
  readonly atMs: bigint;
}

/** Notes contributions, and the points of all who made them, which are locked. */
export async function storeContributions(
  transaction: Transaction,
  contributions: readonly NewContribution[],
  points: readonly (Place & Points)[],
): Promise<void> {
  await transaction.query({
    name: "governance_contribute",
    text: "SELECT governance.contribute($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    values: [
      uuidArray(contributions.map(({ eventId }) => eventId)),
      int4Array(contributions.map(({ nth }) => nth)),
      uuidArray(contributions.map(({ account }) => uuidBytes(account))),
      textArray(contributions.map(({ hex }) => hex)),
      int8Array(contributions.map(({ value }) => value)),
      int8Array(contributions.map(({ atMs }) => atMs)),
      uuidArray(points.map(({ account }) => uuidBytes(account))),
      textArray(points.map(({ hex }) => hex)),
      int8Array(points.map(({ points: of }) => of)),
      int4Array(points.map(({ day }) => day)),
    ],
  });
}

export async function reputationOf(
  transaction: Transaction,
  account: string,
): Promise<readonly (Points & { readonly hex: string })[]> {
  const rows = await transaction.query<{ hex: string; points: string; day: number }>({
    name: "governance_reputation_of",
    text: `SELECT hex, points::text, day FROM governance.reputation WHERE account_id = $1`,
    values: [account],
  });
  return rows.map(({ hex, points, day }) => ({ hex, points: BigInt(points), day }));
}

export interface ContributionRow {
  readonly position: bigint;
  readonly hex: string;
  readonly value: bigint;
  readonly atMs: bigint;
  readonly eventId: string;
}

/** The newest first, positions below `before`. */
export async function contributionsOf(
  transaction: Transaction,
  account: string,
  { before, limit }: { readonly before: bigint; readonly limit: number },
): Promise<readonly ContributionRow[]> {
  const rows = await transaction.query<{
    position: string;
    hex: string;
    value: string;
    at_ms: string;
    event_id: string;
  }>({
    name: "governance_contributions_of",
    text: `SELECT position::text, hex, value::text, (extract(epoch FROM at) * 1000)::bigint::text AS at_ms, event_id::text
      FROM governance.contribution WHERE account_id = $1 AND position < $2 ORDER BY position DESC LIMIT $3`,
    values: [account, before, limit],
  });
  return rows.map((row) => ({
    position: BigInt(row.position),
    hex: row.hex,
    value: BigInt(row.value),
    atMs: BigInt(row.at_ms),
    eventId: row.event_id,
  }));
}

/** Notes accounts; those that are known stay as they are. */
export async function addAccounts(
  transaction: Transaction,
  accounts: readonly {
    readonly accountId: Uint8Array;
    readonly name: string;
    readonly atMs: bigint;
  }[],
): Promise<void> {
  const sorted = accounts.toSorted((a, b) => Buffer.compare(a.accountId, b.accountId));
  await transaction.query({
    name: "governance_add_accounts",
    text: `INSERT INTO governance.account (account_id, name, registered_at)
      SELECT id, name, to_timestamp(ms / 1000.0) FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS a (id, name, ms)
      ON CONFLICT DO NOTHING`,
    values: [
      uuidArray(sorted.map(({ accountId }) => accountId)),
      textArray(sorted.map(({ name }) => name)),
      int8Array(sorted.map(({ atMs }) => atMs)),
    ],
  });
}
