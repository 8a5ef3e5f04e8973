/** Steps between services that have no end yet: asked ones without an answer, owed ones that are not applied. */
import type { Game } from "@hexhold/actor";
import { uuidBytes } from "@hexhold/messaging";
import type { PgClient } from "@hexhold/postgres";
import {
  type AskedTake,
  type OwedGift,
  readJournalledTakes,
} from "../verify/economy/journalled-takes.ts";
import { checkLedger } from "../verify/check-ledger.ts";
import { compareContributions } from "../verify/economy/compare-contributions.ts";

export interface OpenStep {
  readonly kind: "asked" | "owed";
  /** As in `hold`, `take`, `settle`, `release`, `give`, `set-owner`, or the type of an event. */
  readonly step: string;
  /** Of what it does: the key under which it is known for ever. */
  readonly id: string;
  /** Whose it is: an order, an account, a hex. */
  readonly of: string;
  readonly ageS: number;
  /** The newest dead letter of it that waits. */
  readonly letter?: StepLetter;
}

export interface StepLetter {
  readonly eventId: string;
  readonly type: string;
  readonly deadAt: string;
  readonly error: string;
}

export interface SagaReport {
  readonly at: string;
  readonly steps: readonly OpenStep[];
  /** Letters of steps and events that wait, and are of none of the open steps: cancels, answers, what was done meanwhile. */
  readonly letters: readonly StepLetter[];
}

const stepsMax = 1000;

const asked = `SELECT 'asked' AS kind, 'hold' AS step, order_id::text AS id,
    'order of ' || account_id || ' in ' || book AS of, placed_at AS since
  FROM market."order" WHERE state = 1`;
const owed = `SELECT 'owed' AS kind, 'settle' AS step, t.trade_id::text AS id, 'trade in ' || t.book AS of, t.at AS since
  FROM market.trade AS t LEFT JOIN inventory.transaction AS x ON x.transaction_id = t.trade_id
  WHERE x.transaction_id IS NULL
  UNION ALL
  SELECT 'owed', 'release', o.release_id::text, 'order of ' || o.account_id || ' in ' || o.book, o.ended_at
  FROM market."order" AS o LEFT JOIN inventory.transaction AS x ON x.transaction_id = o.release_id
  WHERE o.release_id IS NOT NULL AND x.transaction_id IS NULL`;

/** Those that are older than `olderS` seconds, the oldest first, at most 1,000. */
export async function readSagas(client: PgClient, game: Game, olderS: number): Promise<SagaReport> {
  const letters = await waitingLetters(client);
  const { rows: moment } = await client.query<{ at: Date }>("SELECT clock_timestamp() AS at");
  const atMs = moment[0]!.at.getTime();
  const rows = [
    ...(await openSteps(client)),
    ...(await stepsOfHexes(client)),
    ...(await owedOwners(client)),
    ...(await owedEvents(client, game)),
    ...(await owedContributions(client, game)),
  ];
  const used = new Set<string>();
  const steps = rows
    .map(({ since, ...row }): OpenStep => {
      const letter = letters.find(({ envelope }) =>
        envelope.includes(Buffer.from(uuidBytes(row.id))),
      );
      if (letter !== undefined) used.add(letter.eventId);
      const ageS = Math.max(Math.round((atMs - since.getTime()) / 1000), 0);
      return { ...row, ageS, ...(letter === undefined ? {} : { letter: worded(letter) }) };
    })
    .filter(({ ageS }) => ageS >= olderS)
    .toSorted((a, b) => b.ageS - a.ageS)
    .slice(0, stepsMax);
  return {
    at: moment[0]!.at.toISOString(),
    steps,
    letters: letters.filter(({ eventId }) => !used.has(eventId)).map(worded),
  };
}

/** Book of an order; undefined: there is no such order. `orderId`: UUID as text. */
export async function bookOfOrder(client: PgClient, orderId: string): Promise<string | undefined> {
  const { rows } = await client.query<{ book: string }>(
    'SELECT book FROM market."order" WHERE order_id = $1',
    [orderId],
  );
  return rows[0]?.book;
}

type StepRow = Omit<OpenStep, "ageS" | "letter"> & { readonly since: Date };
type LetterRow = StepLetter & { readonly envelope: Buffer };

async function openSteps(client: PgClient): Promise<StepRow[]> {
  const { rows: there } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('market.trade') IS NOT NULL AND to_regclass('inventory.hold') IS NOT NULL AS there",
  );
  if (there[0]?.there !== true) return [];
  const { rows } = await client.query<StepRow>(
    `SELECT * FROM (${asked} UNION ALL ${owed}) AS s ORDER BY since LIMIT ${stepsMax}`,
  );
  return rows;
}

/** Owners whom their hexes have not taken, and who are the newest there. */
async function owedOwners(client: PgClient): Promise<StepRow[]> {
  const { rows: there } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('governance.ownership') IS NOT NULL AS there",
  );
  if (there[0]?.there !== true) return [];
  const { rows } = await client.query<StepRow>(
    `SELECT 'owed' AS kind, 'set-owner' AS step, o.election_id::text AS id,
       'hex ' || o.hex || ', number ' || o.number || ', owner ' || coalesce(o.owner::text, 'nobody') AS of, o.from_at AS since
     FROM governance.ownership AS o JOIN governance.ownership_head AS h ON h.hex = o.hex AND h.number = o.number
     WHERE o.applied_at IS NULL ORDER BY o.from_at LIMIT ${stepsMax}`,
  );
  return rows;
}

/** Goods that hexes have asked for without an answer, and gifts that are not in the ledger. */
async function stepsOfHexes(client: PgClient): Promise<StepRow[]> {
  const { rows: there } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('inventory.take') IS NOT NULL AND to_regclass('world.journal') IS NOT NULL AS there",
  );
  if (there[0]?.there !== true) return [];
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    const { asked, ended, gifts } = await readJournalledTakes(client);
    const { rows: given } = await client.query<{ id: string }>(
      "SELECT transaction_id AS id FROM inventory.transaction WHERE transaction_id = ANY ($1::uuid[])",
      [[...gifts.keys()]],
    );
    const done = new Set(given.map(({ id }) => id));
    const row = (
      kind: StepRow["kind"],
      step: string,
      id: string,
      { account, amount, asset, hex, since }: AskedTake | OwedGift,
    ): StepRow => ({
      kind,
      step,
      id,
      of: `${amount} ${asset} of ${account} in hex ${hex}`,
      since,
    });
    return [
      ...[...asked]
        .filter(([id]) => !ended.has(id))
        .map(([id, take]) => row("asked", "take", id, take)),
      ...[...gifts]
        .filter(([id]) => !done.has(id))
        .map(([id, gift]) => row("owed", "give", id, gift)),
    ];
  } finally {
    await client.query("ROLLBACK").catch(() => undefined);
  }
}

/** Events of the journal that are worth something and are not in the ledger. */
async function owedEvents(client: PgClient, game: Game): Promise<StepRow[]> {
  const ledger = await checkLedger(client, game);
  const ids = [...new Set((ledger?.owed ?? []).map(({ eventId }) => eventId))];
  if (ids.length === 0) return [];
  const { rows } = await client.query<{ id: string; type: string; decided_at: Date }>(
    "SELECT event_id AS id, type, decided_at FROM world.journal WHERE event_id = ANY ($1::uuid[])",
    [ids],
  );
  const keys = new Map((ledger?.owed ?? []).map(({ eventId, key }) => [eventId, key]));
  return rows.map(({ id, type, decided_at: since }) => ({
    kind: "owed",
    step: type,
    id,
    of: `hex ${keys.get(id) ?? ""}`,
    since,
  }));
}

/** Events of the journal by which somebody has done something for a hex, and that governance has not counted. */
async function owedContributions(client: PgClient, game: Game): Promise<StepRow[]> {
  const { rows: there } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('governance.contribution') IS NOT NULL AS there",
  );
  if (there[0]?.there !== true) return [];
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    const { owed } = await compareContributions(client, game);
    return owed.map(({ type: step, eventId: id, hex, since }) => ({
      kind: "owed",
      step,
      id,
      of: `hex ${hex}`,
      since,
    }));
  } finally {
    await client.query("ROLLBACK").catch(() => undefined);
  }
}

/** Of domain services, but for clients' commands: those have their answer. */
async function waitingLetters(client: PgClient): Promise<LetterRow[]> {
  const { rows } = await client.query<Omit<LetterRow, "deadAt"> & { deadAt: Date }>(
    `SELECT event_id AS "eventId", type, dead_at AS "deadAt", left(error, 200) AS error, envelope
     FROM control.dead_letter
     WHERE state = 'waiting' AND slot !~ '^cmd\\.(p|hex)' AND (account_id IS NULL OR type LIKE 'evt.%')
     ORDER BY dead_at DESC LIMIT ${stepsMax}`,
  );
  return rows.map((row) => ({ ...row, deadAt: row.deadAt.toISOString() }));
}

function worded({ eventId, type, deadAt, error }: LetterRow): StepLetter {
  return { eventId, type, deadAt, error };
}

/** Lines for people. */
export function sagaLines({ steps, letters, at }: SagaReport): string[] {
  const lines = steps.flatMap(({ kind, step, id, of, ageS, letter }) => [
    `${kind} ${step} ${id}  ${of}, ${ageS} s`,
    ...(letter === undefined ? [] : [`     ${letterLine(letter)}`]),
  ]);
  if (letters.length > 0) lines.push("other letters that wait:");
  lines.push(...letters.map((letter) => `     ${letterLine(letter)}`));
  lines.push(
    `as of ${at}: ${steps.length} open ${steps.length === 1 ? "step" : "steps"}, ${letters.length} other ${letters.length === 1 ? "letter" : "letters"}`,
  );
  return lines;
}

function letterLine({ eventId, type, deadAt, error }: StepLetter): string {
  return `letter ${eventId} of ${type}, ${deadAt}: ${error}`;
}
