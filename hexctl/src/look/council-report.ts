/** Owners of hexes and their elections. */
import type { PgClient } from "@hexhold/postgres";

export interface OwnerRow {
  readonly hex: string;
  /** Counts the owners of the hex, from 1. */
  readonly number: string;
  /** Name, or id of an account without one. */
  readonly owner: string;
  readonly until: string;
  readonly isInTerm: boolean;
  /** Null: the hex has not said that it has taken it. */
  readonly appliedAt: string | null;
}

export interface ElectionRow {
  readonly election: string;
  readonly hex: string;
  readonly state: "open" | "won" | "failed";
  readonly cause: "vacant" | "term-over" | "owner-inactive";
  readonly opensAt: string;
  readonly closesAt: string;
  readonly electors: number;
  readonly weight: string;
  readonly turnoutHeads: number;
  readonly turnoutWeight: string;
  readonly candidates: number;
  /** Name or id; null: none. */
  readonly winner: string | null;
  /** Empty = it has not failed. */
  readonly failure: string;
}

export interface ResidentRow {
  readonly account: string;
  /** As of its last contribution; they have faded since. */
  readonly points: string;
  readonly since: string;
}

export interface CouncilReport {
  /** The newest of each hex; of one hex the last ten. */
  readonly owners: readonly OwnerRow[];
  /** Those that are open; of one hex the last ten. */
  readonly elections: readonly ElectionRow[];
  /** Of the one hex that was asked for, the most points first, at most twenty. */
  readonly residents?: readonly ResidentRow[];
}

const who = (account: string): string =>
  `coalesce((SELECT a.name FROM governance.account AS a WHERE a.account_id = ${account}), ${account}::text)`;

/** `hex` is key text; undefined: all. Throws when the database has no governance. */
export async function readCouncil(
  client: PgClient,
  hex: string | undefined,
): Promise<CouncilReport> {
  const { rows: schema } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('governance.election') IS NOT NULL AS there",
  );
  if (schema[0]?.there !== true)
    throw new Error("This database has no governance: hexctl migrate.");
  const owners = await readOwners(client, hex);
  const elections = await readElections(client, hex);
  if (hex === undefined) return { owners, elections };
  return { owners, elections, residents: await readResidents(client, hex) };
}

async function readOwners(client: PgClient, hex: string | undefined): Promise<OwnerRow[]> {
  const { rows } = await client.query<
    Omit<OwnerRow, "until" | "appliedAt"> & { until: Date; appliedAt: Date | null }
  >(
    `SELECT o.hex, o.number::text AS number, coalesce(${who("o.owner")}, 'nobody') AS owner, o.until_at AS until,
       o.until_at > clock_timestamp() AS "isInTerm", o.applied_at AS "appliedAt"
     FROM governance.ownership AS o
     WHERE CASE WHEN $1::text IS NULL
       THEN o.number = (SELECT h.number FROM governance.ownership_head AS h WHERE h.hex = o.hex) ELSE o.hex = $1 END
     ORDER BY o.hex, o.number DESC LIMIT CASE WHEN $1::text IS NULL THEN 1000 ELSE 10 END`,
    [hex ?? null],
  );
  return rows.map((row) => ({
    ...row,
    until: row.until.toISOString(),
    appliedAt: row.appliedAt?.toISOString() ?? null,
  }));
}

async function readElections(client: PgClient, hex: string | undefined): Promise<ElectionRow[]> {
  const { rows } = await client.query<
    Omit<ElectionRow, "opensAt" | "closesAt" | "candidates"> & {
      opensAt: Date;
      closesAt: Date;
      candidates: string;
    }
  >(
    `SELECT e.election_id::text AS election, e.hex, (ARRAY['open', 'won', 'failed'])[e.state] AS state,
       (ARRAY['vacant', 'term-over', 'owner-inactive'])[e.cause] AS cause, e.opens_at AS "opensAt", e.closes_at AS "closesAt",
       e.electors, e.weight::text AS weight, t.heads::integer AS "turnoutHeads", t.weight::text AS "turnoutWeight",
       (SELECT count(*) FROM governance.candidate AS c WHERE c.election_id = e.election_id) AS candidates,
       ${who("e.winner")} AS winner, e.failure
     FROM governance.election AS e CROSS JOIN LATERAL (
       SELECT count(*) AS heads, coalesce(sum((SELECT v.weight FROM governance.elector AS v
           WHERE v.election_id = b.election_id AND v.account_id = b.account_id)), 0) AS weight
       FROM governance.ballot AS b WHERE b.election_id = e.election_id AND b.nth = 1) AS t
     WHERE CASE WHEN $1::text IS NULL THEN e.state = 1 ELSE e.hex = $1 END
     ORDER BY e.election_id DESC LIMIT CASE WHEN $1::text IS NULL THEN 1000 ELSE 10 END`,
    [hex ?? null],
  );
  return rows.map((row) => ({
    ...row,
    opensAt: row.opensAt.toISOString(),
    closesAt: row.closesAt.toISOString(),
    candidates: Number(row.candidates),
  }));
}

async function readResidents(client: PgClient, hex: string): Promise<ResidentRow[]> {
  const { rows } = await client.query<Omit<ResidentRow, "since"> & { since: Date }>(
    `SELECT ${who("r.account_id")} AS account, r.since, coalesce((SELECT p.points FROM governance.reputation AS p
         WHERE p.account_id = r.account_id AND p.hex = r.hex), 0)::text AS points
     FROM governance.resident AS r WHERE r.hex = $1
     ORDER BY coalesce((SELECT p.points FROM governance.reputation AS p
         WHERE p.account_id = r.account_id AND p.hex = r.hex), 0) DESC, r.account_id LIMIT 20`,
    [hex],
  );
  return rows.map((row) => ({ ...row, since: row.since.toISOString() }));
}

/** Lines for people. */
export function councilLines({ owners, elections, residents }: CouncilReport): string[] {
  const lines = owners.map(({ hex, number, owner, until, isInTerm, appliedAt }) => {
    const term = isInTerm ? `until ${until}` : `was over at ${until}`;
    const taken = appliedAt === null ? "NOT TAKEN by the hex yet" : `taken at ${appliedAt}`;
    return `${hex} owner ${number}: ${owner}, ${term}, ${taken}`;
  });
  if (owners.length === 0) lines.push("no owners");
  for (const of of elections) {
    const turnout = `${of.turnoutHeads} of ${of.electors} electors, ${of.turnoutWeight} of ${of.weight} points`;
    const end = of.state === "won" ? `, ${of.winner}` : of.failure && `, ${of.failure}`;
    lines.push(
      `${of.hex} election ${of.election} (${of.cause}): ${of.state}${end}, closes ${of.closesAt}, ${of.candidates} stand, ${turnout}`,
    );
  }
  if (elections.length === 0) {
    lines.push(residents === undefined ? "no open elections" : "no elections");
  }
  for (const { account, points, since } of residents ?? []) {
    lines.push(`  ${points} points ${account}, here since ${since}`);
  }
  return lines;
}
