/** Elections, their electors, candidates and ballots. */
import type { Transaction } from "@hexhold/domain";
import { uuidBytes } from "@hexhold/messaging";
import { boolArray, int8Array, uuidArray } from "@hexhold/postgres";
import type { Cause } from "../rules/elections.ts";
import type { Ballot, Elector } from "../rules/tally.ts";

export type ElectionState = "open" | "won" | "failed";

export interface ElectionRow {
  readonly id: string;
  readonly hex: string;
  readonly calledBy: string;
  readonly cause: Cause;
  /** In term, whom it is about. */
  readonly owner: string | undefined;
  readonly opensMs: number;
  readonly closesMs: number;
  readonly state: ElectionState;
  readonly electors: number;
  readonly weight: bigint;
  /** Of an open one as of now, when it was read and not locked. */
  readonly turnoutWeight: bigint;
  readonly turnoutHeads: number;
  readonly winner: string | undefined;
  readonly failure: string;
}

export interface CandidateRow {
  readonly account: string;
  readonly name: string;
  readonly words: string;
}

const causes: readonly Cause[] = ["vacant", "term-over", "owner-inactive"];
const states: readonly ElectionState[] = ["open", "won", "failed"];

export function causeNumber(cause: Cause): number {
  return causes.indexOf(cause) + 1;
}

export function causeOfNumber(number: number): Cause {
  return causes[number - 1]!;
}

const columnsWith = (turnoutWeight: string, turnoutHeads: string): string =>
  `e.election_id::text AS id, e.hex, e.called_by::text AS "calledBy", e.cause, e.owner::text AS owner,
  (extract(epoch FROM e.opens_at) * 1000)::bigint::text AS "opensMs",
  (extract(epoch FROM e.closes_at) * 1000)::bigint::text AS "closesMs", e.state, e.electors, e.weight::text AS weight,
  (${turnoutWeight})::text AS "turnoutWeight", (${turnoutHeads})::integer AS "turnoutHeads", e.winner::text AS winner,
  e.failure`;
/** Of an open election without its turnout. */
const stored = columnsWith("e.turnout_weight", "e.turnout_heads");
/** Of an open election who has voted so far; nothing of how. */
const asOfNow = columnsWith(
  "coalesce(t.weight, e.turnout_weight)",
  "coalesce(t.heads, e.turnout_heads)",
);
const turnout = `LEFT JOIN LATERAL (SELECT sum((SELECT v.weight FROM governance.elector AS v
      WHERE v.election_id = b.election_id AND v.account_id = b.account_id)) AS weight, count(*) AS heads
    FROM governance.ballot AS b WHERE b.election_id = e.election_id AND b.nth = 1) AS t ON e.state = 1`;

interface RawElection {
  readonly id: string;
  readonly hex: string;
  readonly calledBy: string;
  readonly cause: number;
  readonly owner: string | null;
  readonly opensMs: string;
  readonly closesMs: string;
  readonly state: number;
  readonly electors: number;
  readonly weight: string;
  readonly turnoutWeight: string;
  readonly turnoutHeads: number;
  readonly winner: string | null;
  readonly failure: string;
}

function electionOf(raw: RawElection): ElectionRow {
  return {
    ...raw,
    cause: causeOfNumber(raw.cause),
    owner: raw.owner ?? undefined,
    opensMs: Number(raw.opensMs),
    closesMs: Number(raw.closesMs),
    state: states[raw.state - 1]!,
    weight: BigInt(raw.weight),
    turnoutWeight: BigInt(raw.turnoutWeight),
    winner: raw.winner ?? undefined,
  };
}

/** Locks elections, in one order, until the end of the transaction; those that are not there are left out. */
export async function lockElections(
  transaction: Transaction,
  elections: ReadonlyMap<string, "shared" | "exclusive">,
): Promise<ReadonlyMap<string, ElectionRow>> {
  if (elections.size === 0) return new Map();
  const rows = await transaction.query<RawElection>({
    name: "governance_lock_elections",
    text: `SELECT ${stored} FROM governance.lock_elections($1, $2) AS e`,
    values: [
      uuidArray([...elections.keys()].map(uuidBytes)),
      boolArray([...elections.values()].map((how) => how === "shared")),
    ],
  });
  return new Map(rows.map((row) => [row.id, electionOf(row)]));
}

/** Locks who votes, so that ballots of one account follow one another. After {@link lockElections}. */
export async function lockElectors(
  transaction: Transaction,
  electors: readonly { readonly election: string; readonly account: string }[],
): Promise<void> {
  if (electors.length === 0) return;
  await transaction.query({
    name: "governance_lock_electors",
    text: "SELECT governance.lock_electors($1, $2)",
    values: [
      uuidArray(electors.map(({ election }) => uuidBytes(election))),
      uuidArray(electors.map(({ account }) => uuidBytes(account))),
    ],
  });
}

export async function readElection(
  transaction: Transaction,
  id: string,
): Promise<ElectionRow | undefined> {
  const [row] = await transaction.query<RawElection>({
    name: "governance_election",
    text: `SELECT ${asOfNow} FROM governance.election AS e ${turnout} WHERE e.election_id = $1`,
    values: [id],
  });
  return row === undefined ? undefined : electionOf(row);
}

/** The newest first, those before `before`. */
export async function readElections(
  transaction: Transaction,
  hex: string,
  { before, limit }: { readonly before: string; readonly limit: number },
): Promise<readonly ElectionRow[]> {
  const rows = await transaction.query<RawElection>({
    name: "governance_elections",
    text: `SELECT ${asOfNow} FROM governance.election AS e ${turnout}
      WHERE e.hex = $1 AND e.election_id < $2 ORDER BY e.election_id DESC LIMIT $3`,
    values: [hex, before, limit],
  });
  return rows.map(electionOf);
}

/** In the order in which they stood. */
export async function readCandidates(
  transaction: Transaction,
  election: string,
): Promise<readonly CandidateRow[]> {
  return transaction.query<CandidateRow>({
    name: "governance_candidates",
    text: `SELECT c.account_id::text AS account, c.words, coalesce(
        (SELECT a.name FROM governance.account AS a WHERE a.account_id = c.account_id), '') AS name
      FROM governance.candidate AS c WHERE c.election_id = $1 ORDER BY c.at, c.account_id`,
    values: [election],
  });
}

export async function addCandidate(
  transaction: Transaction,
  election: string,
  {
    account,
    words,
    atMs,
  }: { readonly account: string; readonly words: string; readonly atMs: number },
): Promise<void> {
  await transaction.query({
    name: "governance_stand",
    text: `INSERT INTO governance.candidate (election_id, account_id, words, at)
      VALUES ($1, $2, $3, to_timestamp($4::float8 / 1000))`,
    values: [election, account, words, atMs],
  });
}

/** 0 = it is none. */
export async function weightOf(
  transaction: Transaction,
  election: string,
  account: string,
): Promise<bigint> {
  const [row] = await transaction.query<{ weight: string }>({
    name: "governance_weight",
    text: `SELECT weight::text FROM governance.elector WHERE election_id = $1 AND account_id = $2`,
    values: [election, account],
  });
  return BigInt(row?.weight ?? 0);
}

/** The last ballot of an account; undefined: it has not voted. */
export async function lastBallot(
  transaction: Transaction,
  election: string,
  account: string,
): Promise<Ballot | undefined> {
  const [row] = await transaction.query<Ballot>({
    name: "governance_last_ballot",
    text: `SELECT account_id::text AS account, candidate::text, nth FROM governance.ballot
      WHERE election_id = $1 AND account_id = $2 ORDER BY nth DESC LIMIT 1`,
    values: [election, account],
  });
  return row;
}

export async function addBallot(
  transaction: Transaction,
  election: string,
  ballot: Ballot & { readonly id: Uint8Array; readonly atMs: number },
): Promise<void> {
  await transaction.query({
    name: "governance_vote",
    text: `INSERT INTO governance.ballot (ballot_id, election_id, account_id, candidate, nth, at)
      VALUES ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000))`,
    values: [
      Buffer.from(ballot.id).toString("hex"),
      election,
      ballot.account,
      ballot.candidate,
      ballot.nth,
      ballot.atMs,
    ],
  });
}

export async function readElectors(
  transaction: Transaction,
  election: string,
): Promise<readonly Elector[]> {
  const rows = await transaction.query<{ account: string; weight: string }>({
    name: "governance_electors",
    text: `SELECT account_id::text AS account, weight::text FROM governance.elector
      WHERE election_id = $1 ORDER BY account_id`,
    values: [election],
  });
  return rows.map(({ account, weight }) => ({ account, weight: BigInt(weight) }));
}

/** The last one of each account. */
export async function readLastBallots(
  transaction: Transaction,
  election: string,
): Promise<readonly Ballot[]> {
  return transaction.query<Ballot>({
    name: "governance_ballots",
    text: `SELECT DISTINCT ON (account_id) account_id::text AS account, candidate::text, nth FROM governance.ballot
      WHERE election_id = $1 ORDER BY account_id, nth DESC`,
    values: [election],
  });
}

export interface NewElection {
  readonly id: Uint8Array;
  readonly hex: string;
  readonly calledBy: string;
  readonly cause: Cause;
  readonly owner: string | undefined;
  readonly opensMs: number;
  readonly closesMs: number;
  readonly electors: readonly Elector[];
}

/** Opens it, with the timer that closes it. The hex's head is locked. */
export async function openElection(transaction: Transaction, election: NewElection): Promise<void> {
  const { electors } = election;
  await transaction.query({
    name: "governance_call",
    text: "SELECT governance.call($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    values: [
      Buffer.from(election.id).toString("hex"),
      election.hex,
      election.calledBy,
      causeNumber(election.cause),
      election.owner,
      election.opensMs,
      election.closesMs,
      uuidArray(electors.map(({ account }) => uuidBytes(account))),
      int8Array(electors.map(({ weight }) => weight)),
    ],
  });
}

export interface ElectionEnd {
  readonly nowMs: number;
  readonly turnoutWeight: bigint;
  readonly turnoutHeads: number;
  /** Empty = it was won. */
  readonly failure: string;
  readonly winner: string | undefined;
  readonly untilMs: number;
}

/** Ends an election that is locked; of one that was won, with its hex's head locked. The owner's number; undefined: it failed. */
export async function closeElection(
  transaction: Transaction,
  id: string,
  end: ElectionEnd,
): Promise<bigint | undefined> {
  const [row] = await transaction.query<{ number: string | null }>({
    name: "governance_close",
    text: "SELECT governance.close($1, $2, $3, $4, $5, $6, $7)::text AS number",
    values: [
      id,
      end.nowMs,
      end.turnoutWeight,
      end.turnoutHeads,
      end.failure,
      end.winner,
      end.untilMs,
    ],
  });
  const number = row?.number ?? null;
  return number === null ? undefined : BigInt(number);
}
