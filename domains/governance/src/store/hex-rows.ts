/** Owners of hexes, and who lives in them. */
import type { Transaction } from "@hexhold/domain";
import { uuidBytes } from "@hexhold/messaging";
import { boolArray, int8Array, textArray, uuidArray } from "@hexhold/postgres";
import type { Cause, OwnerNow, Resident } from "../rules/elections.ts";
import { dayOf, faded } from "../rules/points.ts";
import type { Residence } from "../rules/residence.ts";
import { causeOfNumber } from "./election-rows.ts";

/** Locks the heads of hexes, in one order; those that are not there are made. */
export async function lockHeads(transaction: Transaction, hexes: readonly string[]): Promise<void> {
  if (hexes.length === 0) return;
  await transaction.query({
    name: "governance_lock_heads",
    text: "SELECT 1 FROM governance.lock_heads($1)",
    values: [textArray(hexes)],
  });
}

/** Hexes where accounts live, by account. */
export async function hexesOf(
  transaction: Transaction,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await transaction.query<{ account: string; hex: string }>({
    name: "governance_hexes_of",
    text: `SELECT a.id::text AS account, r.hex FROM unnest($1::uuid[]) AS a (id) CROSS JOIN LATERAL (
      SELECT r.hex FROM governance.resident AS r WHERE r.account_id = a.id LIMIT 1) AS r`,
    values: [uuidArray(accounts.map(uuidBytes))],
  });
  return new Map(rows.map(({ account, hex }) => [account, hex]));
}

/** Who lives in a hex, with their points of a moment. */
export async function residentsOf(
  transaction: Transaction,
  hex: string,
  { nowMs, fadePerMille }: { readonly nowMs: number; readonly fadePerMille: bigint },
): Promise<readonly Resident[]> {
  const rows = await transaction.query<{
    account: string;
    sinceMs: string;
    points: string;
    day: number;
  }>({
    name: "governance_residents_of",
    text: `SELECT r.account_id::text AS account, (extract(epoch FROM r.since) * 1000)::bigint::text AS "sinceMs",
        coalesce(p.points, 0)::text AS points, coalesce(p.day, 0) AS day
      FROM governance.resident AS r LEFT JOIN LATERAL (
        SELECT p.points, p.day FROM governance.reputation AS p WHERE p.account_id = r.account_id AND p.hex = r.hex LIMIT 1)
      AS p ON true
      WHERE r.hex = $1 ORDER BY r.account_id`,
    values: [hex],
  });
  const today = dayOf(BigInt(Math.floor(nowMs)));
  return rows.map(({ account, sinceMs, points, day }) => ({
    account,
    sinceMs: Number(sinceMs),
    points: faded(BigInt(points), day, today, fadePerMille),
  }));
}

export interface OwnershipRow {
  readonly hex: string;
  readonly number: bigint;
  readonly owner: string | undefined;
  readonly name: string;
  readonly election: string;
  readonly cause: Cause;
  readonly fromMs: number;
  readonly untilMs: number;
  /** 0 = the hex has not said that it has taken it. */
  readonly appliedMs: number;
}

interface RawOwnership {
  readonly hex: string;
  readonly number: string;
  readonly owner: string | null;
  readonly name: string;
  readonly election: string;
  readonly cause: number;
  readonly fromMs: string;
  readonly untilMs: string;
  readonly appliedMs: string;
}

const columns = `o.hex, o.number::text AS number, o.owner::text AS owner, o.election_id::text AS election, o.cause,
  (extract(epoch FROM o.from_at) * 1000)::bigint::text AS "fromMs",
  (extract(epoch FROM o.until_at) * 1000)::bigint::text AS "untilMs",
  coalesce((extract(epoch FROM o.applied_at) * 1000)::bigint, 0)::text AS "appliedMs",
  coalesce((SELECT a.name FROM governance.account AS a WHERE a.account_id = o.owner), '') AS name`;

function ownershipOf(raw: RawOwnership): OwnershipRow {
  return {
    ...raw,
    number: BigInt(raw.number),
    owner: raw.owner ?? undefined,
    cause: causeOfNumber(raw.cause),
    fromMs: Number(raw.fromMs),
    untilMs: Number(raw.untilMs),
    appliedMs: Number(raw.appliedMs),
  };
}

/** The newest first, numbers below `before`. */
export async function ownershipsOf(
  transaction: Transaction,
  hex: string,
  { before, limit }: { readonly before: bigint; readonly limit: number },
): Promise<readonly OwnershipRow[]> {
  const rows = await transaction.query<RawOwnership>({
    name: "governance_ownerships_of",
    text: `SELECT ${columns} FROM governance.ownership AS o
      WHERE o.hex = $1 AND o.number < $2 ORDER BY o.number DESC LIMIT $3`,
    values: [hex, before, limit],
  });
  return rows.map(ownershipOf);
}

/** Of these elections the owners whom their hexes have not taken, and who are their newest. */
export async function unappliedOf(
  transaction: Transaction,
  elections: readonly Uint8Array[],
): Promise<readonly OwnershipRow[]> {
  const rows = await transaction.query<RawOwnership>({
    name: "governance_unapplied_of",
    text: `SELECT ${columns} FROM unnest($1::uuid[]) AS e (id) CROSS JOIN LATERAL (
        SELECT * FROM governance.ownership AS o WHERE o.election_id = e.id LIMIT 1) AS o
      WHERE o.applied_at IS NULL
        AND o.number = (SELECT h.number FROM governance.ownership_head AS h WHERE h.hex = o.hex)
      ORDER BY o.hex`,
    values: [uuidArray(elections)],
  });
  return rows.map(ownershipOf);
}

/** Hexes have taken their owners. Those that no election here has named, as `hex number`. */
export async function markApplied(
  transaction: Transaction,
  applied: readonly { readonly hex: string; readonly number: bigint; readonly atMs: bigint }[],
): Promise<readonly string[]> {
  const rows = await transaction.query<{ unknown: string }>({
    name: "governance_applied",
    text: "SELECT u AS unknown FROM governance.applied($1, $2, $3) AS u",
    values: [
      textArray(applied.map(({ hex }) => hex)),
      int8Array(applied.map(({ number }) => number)),
      int8Array(applied.map(({ atMs }) => atMs)),
    ],
  });
  return rows.map(({ unknown }) => unknown);
}

/** What a call depends on besides residents. The hex's head is locked. */
export async function stateOfHex(
  transaction: Transaction,
  hex: string,
): Promise<{
  readonly owner: OwnerNow | undefined;
  readonly isElectionOpen: boolean;
  readonly closedMs: number;
}> {
  const [election] = await transaction.query<{ is_open: boolean; closed_ms: string }>({
    name: "governance_last_election",
    text: `SELECT state = 1 AS is_open, (extract(epoch FROM coalesce(decided_at, closes_at)) * 1000)::bigint::text AS closed_ms
      FROM governance.election WHERE hex = $1 ORDER BY election_id DESC LIMIT 1`,
    values: [hex],
  });
  const [owner] = await transaction.query<{
    account: string;
    until_ms: string;
    lives: string | null;
    contributed_ms: string | null;
  }>({
    name: "governance_owner",
    text: `SELECT o.owner::text AS account, (extract(epoch FROM o.until_at) * 1000)::bigint::text AS until_ms,
        (SELECT r.hex FROM governance.resident AS r WHERE r.account_id = o.owner) AS lives,
        (SELECT (extract(epoch FROM c.at) * 1000)::bigint::text FROM governance.contribution AS c
          WHERE c.account_id = o.owner AND c.hex = o.hex ORDER BY c.at DESC LIMIT 1) AS contributed_ms
      FROM governance.ownership AS o WHERE o.hex = $1 AND o.owner IS NOT NULL ORDER BY o.number DESC LIMIT 1`,
    values: [hex],
  });
  return {
    isElectionOpen: election?.is_open === true,
    closedMs: election === undefined ? -Infinity : Number(election.closed_ms),
    owner:
      owner === undefined
        ? undefined
        : {
            account: owner.account,
            untilMs: Number(owner.until_ms),
            isResident: owner.lives === hex,
            contributedMs: owner.contributed_ms === null ? -Infinity : Number(owner.contributed_ms),
          },
  };
}

/** Locks residents that are known, in one order. */
export async function lockResidents(
  transaction: Transaction,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, Residence>> {
  if (accounts.length === 0) return new Map();
  const rows = await transaction.query<{
    account: string;
    hex: string;
    number: string;
    since_ms: string;
    is_exact: boolean;
  }>({
    name: "governance_lock_residents",
    text: `SELECT r.account_id::text AS account, r.hex, r.number::text AS number,
        (extract(epoch FROM r.since) * 1000)::bigint::text AS since_ms, r.is_exact
      FROM governance.lock_residents($1) AS r`,
    values: [uuidArray(accounts.map(uuidBytes))],
  });
  return new Map(
    rows.map(({ account, hex, number, since_ms: sinceMs, is_exact: isExact }) => [
      account,
      { account, hex, number: BigInt(number), sinceMs: Number(sinceMs), isExact },
    ]),
  );
}

/** What is older than what is there changes nothing. */
export async function storeResidences(
  transaction: Transaction,
  residences: readonly Residence[],
): Promise<void> {
  if (residences.length === 0) return;
  await transaction.query({
    name: "governance_residence",
    text: "SELECT governance.residence($1, $2, $3, $4, $5)",
    values: [
      uuidArray(residences.map(({ account }) => uuidBytes(account))),
      textArray(residences.map(({ hex }) => hex)),
      int8Array(residences.map(({ number }) => number)),
      int8Array(residences.map(({ sinceMs }) => BigInt(sinceMs))),
      boolArray(residences.map(({ isExact }) => isExact)),
    ],
  });
}
