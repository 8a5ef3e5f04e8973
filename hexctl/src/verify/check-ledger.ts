/**
 * Holds the ledger against the journal, both as of one moment: what the game says of its events is posted once, and
 * nothing else is. What is not posted yet is owed, and on its way while the world runs.
 */
import { fromBinary } from "@bufbuild/protobuf";
import type { Game, Posting } from "@hexhold/actor";
import { keyText } from "@hexhold/hex";
import { type LedgerEvent, ledgerEventsOf } from "@hexhold/inventory";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import { type PgClient, textArray } from "@hexhold/postgres";
import type { VerifyFault } from "./verify-report.ts";

export interface LedgerVerdict {
  /** Events of the journal that are credited. */
  readonly credited: number;
  /** Events of the journal that are not, the oldest of them first, at most {@link owedMax}. */
  readonly owed: readonly OwedCredit[];
  readonly owedTotal: number;
  /** Messages to the inventory that no broker has confirmed; the rest of what is owed waits in queues, or is lost. */
  readonly unsent: number;
  readonly faults: readonly VerifyFault[];
}

/** What an event without its transaction is worth to a player. */
export interface OwedCredit {
  /** Key text of the hex. */
  readonly key: string;
  readonly hexVersion: number;
  /** UUID texts. */
  readonly eventId: string;
  readonly playerId: string;
  readonly asset: string;
  readonly amount: string;
}

export const owedMax = 1000;
/** Of each sort of fault. */
const keptMax = 1000;
const fetchCount = 1000;

interface EventRow {
  readonly type: string;
  readonly hex_id: string;
  readonly layer_id: string;
  readonly hex_version: string;
  readonly event_id: string;
  readonly payload: Buffer;
  /** On whose command it happened; null: a service's. With the hex it says in which queue the event goes. */
  readonly account_id: string | null;
  readonly is_credited: boolean;
}

/**
 * Undefined: this database has no ledger. Rejects when PostgreSQL does not answer, and when the game does not say what
 * its events stand for.
 */
export async function checkLedger(
  client: PgClient,
  game: Game,
): Promise<LedgerVerdict | undefined> {
  const events = ledgerEventsOf(game);
  const { rows } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('inventory.transaction') IS NOT NULL AS there",
  );
  if (rows[0]?.there !== true) return undefined;
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    return await compare(client, events);
  } finally {
    await client.query("ROLLBACK").catch(() => undefined);
  }
}

async function compare(client: PgClient, events: readonly LedgerEvent[]): Promise<LedgerVerdict> {
  const byType = new Map(events.map((event) => [event.type, event]));
  const kinds = events.map(({ kind }) => kind);
  /** What is credited, by player and asset, as the journal has it. */
  const sums = new Map<string, bigint>();
  const owed: OwedCredit[] = [];
  const unusable: VerifyFault[] = [];
  const overtaken = createOvertaken();
  let owedTotal = 0;
  let credited = 0;
  for await (const row of journalled(client, [...byType.keys()])) {
    const postings = postingsOf(byType.get(row.type)!, row, unusable);
    if (postings === undefined) continue;
    if (row.is_credited) credited++;
    else owedTotal++;
    overtaken.see(row);
    for (const { holder, asset, amount } of postings) {
      if (holder.kind !== "player") continue;
      const playerId = uuidText(holder.accountId);
      if (row.is_credited) {
        const item = `${playerId} ${asset}`;
        sums.set(item, (sums.get(item) ?? 0n) + amount);
      } else if (owed.length < owedMax) {
        const key = keyText({ hexId: BigInt(row.hex_id), layerId: Number(row.layer_id) });
        owed.push({
          key,
          hexVersion: Number(row.hex_version),
          eventId: row.event_id,
          playerId,
          asset,
          amount: String(amount),
        });
      }
    }
  }
  return {
    credited,
    owed,
    owedTotal,
    unsent: await countUnsent(client),
    faults: [
      ...unusable,
      ...(await overtaken.faults(client)),
      ...(await strangers(client, kinds)),
      ...(await differing(client, kinds, sums)),
    ],
  };
}

/**
 * Events of one hex and one account go through one lane and one queue, in order. So one that is not credited while a later
 * one is has been handled and lost, unless it is put aside as a letter.
 */
function createOvertaken() {
  const waiting = new Map<string, EventRow[]>();
  const lost: EventRow[] = [];
  return {
    /** Rows of one hex come by rising version. */
    see(row: EventRow): void {
      const lane = `${row.hex_id}.${row.layer_id} ${row.account_id}`;
      const before = waiting.get(lane);
      if (!row.is_credited) waiting.set(lane, [...(before ?? []), row]);
      else if (before !== undefined) {
        if (lost.length < keptMax) lost.push(...before);
        waiting.delete(lane);
      }
    },
    async faults(client: PgClient): Promise<VerifyFault[]> {
      if (lost.length === 0) return [];
      const { rows } = await client.query<{ id: string }>(
        `SELECT event_id AS id FROM inventory.inbox WHERE lettered AND event_id = ANY ($1::uuid[])
         UNION SELECT event_id FROM control.dead_letter WHERE event_id = ANY ($1::uuid[])`,
        [lost.map(({ event_id: id }) => id)],
      );
      const lettered = new Set(rows.map(({ id }) => id));
      return lost
        .filter(({ event_id: id }) => !lettered.has(id))
        .map(({ event_id: key, type }) => ({
          key,
          what: "ledger",
          expected: "a transaction, as later events of the same hex have one",
          found: `none of ${type}, and no letter`,
        }));
    },
  };
}

/** By the game's rules; undefined: there is nothing to post. An event of which they say nothing usable is a fault. */
function postingsOf(
  { schema, transactionOf }: LedgerEvent,
  { event_id: key, payload }: EventRow,
  unusable: VerifyFault[],
): readonly Posting[] | undefined {
  try {
    return transactionOf(uuidBytes(key), fromBinary(schema, payload))?.postings;
  } catch (error) {
    const found = (error as Error).message;
    if (unusable.length < keptMax) {
      unusable.push({ key, what: "ledger", expected: "a transaction by the game's rules", found });
    }
    return undefined;
  }
}

async function* journalled(
  client: PgClient,
  types: readonly string[],
): AsyncGenerator<EventRow, void, undefined> {
  await client.query(
    `DECLARE journalled NO SCROLL CURSOR FOR
     SELECT j.type, j.hex_id, j.layer_id, j.hex_version, j.event_id, j.payload, j.account_id,
            t.transaction_id IS NOT NULL AS is_credited
     FROM world.journal AS j
     LEFT JOIN inventory.transaction AS t ON t.transaction_id = j.event_id
     WHERE j.type = ANY ($1::text[]) ORDER BY j.decided_at, j.hex_version`,
    [textArray(types)],
  );
  for (;;) {
    const { rows } = await client.query<EventRow>(`FETCH ${fetchCount} FROM journalled`);
    yield* rows;
    if (rows.length < fetchCount) return;
  }
}

/** Credits for what the journal does not have. */
async function strangers(client: PgClient, kinds: readonly string[]): Promise<VerifyFault[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT t.transaction_id AS id FROM inventory.transaction AS t
     LEFT JOIN world.journal AS j ON j.event_id = t.transaction_id
     WHERE t.kind = ANY ($1::text[]) AND j.event_id IS NULL LIMIT ${keptMax}`,
    [textArray(kinds)],
  );
  return rows.map(({ id }) => ({
    key: id,
    what: "ledger",
    expected: "an event of the journal",
    found: "a credit without one",
  }));
}

/** Players and assets of which the credits are not what the journal has of the same events, or not the balance. */
async function differing(
  client: PgClient,
  kinds: readonly string[],
  sums: ReadonlyMap<string, bigint>,
): Promise<VerifyFault[]> {
  const { rows } = await client.query<{
    item: string;
    credited: string;
    posted: string;
    balance: string;
  }>(
    `SELECT a.owner || ' ' || a.asset AS item,
       coalesce(sum(p.amount) FILTER (WHERE t.kind = ANY ($1::text[])), 0)::text AS credited,
       sum(p.amount)::text AS posted,
       coalesce((SELECT b.amount FROM inventory.balance AS b
                 WHERE b.ledger_account_id = a.ledger_account_id), 0)::text AS balance
     FROM inventory.ledger_account AS a
     JOIN inventory.posting AS p USING (ledger_account_id)
     JOIN inventory.transaction AS t USING (transaction_id)
     WHERE a.kind = 'player' GROUP BY a.ledger_account_id`,
    [textArray(kinds)],
  );
  const ledger = new Map(rows.map((row) => [row.item, row]));
  const faults: VerifyFault[] = [];
  const fault = (key: string, expected: string, found: string): void => {
    faults.push({ key, what: "ledger", expected, found });
  };
  for (const item of new Set([...sums.keys(), ...ledger.keys()])) {
    const expected = String(sums.get(item) ?? 0n);
    const { credited = "0", posted = "0", balance = "0" } = ledger.get(item) ?? {};
    if (credited !== expected) fault(item, `credits of ${expected} in all`, credited);
    if (balance !== posted) fault(item, `a balance of ${posted}`, balance);
  }
  return faults;
}

async function countUnsent(client: PgClient): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM world.outbox AS o
     LEFT JOIN world.outbox_lane AS l USING (slot, destination)
     WHERE o.destination = 'inventory' AND o.position > coalesce(l.position, 0)`,
  );
  return rows[0]?.n ?? 0;
}
