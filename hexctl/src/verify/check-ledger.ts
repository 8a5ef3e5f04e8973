/**
 * Holds the ledger against the journal, both as of one moment: what was gathered is credited once, and nothing else is.
 * What is gathered and not credited yet is owed, and on its way while the world runs.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { GatheredSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { keyText } from "@hexhold/hex";
import { creditOfGathered } from "@hexhold/inventory";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import type { PgClient } from "@hexhold/postgres";
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

/** An event without its transaction. */
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
const strangersMax = 1000;
const fetchCount = 1000;

interface EventRow {
  readonly hex_id: string;
  readonly layer_id: string;
  readonly hex_version: string;
  readonly event_id: string;
  readonly payload: Buffer;
  readonly is_credited: boolean;
}

/** Undefined: this database has no ledger. Rejects when PostgreSQL does not answer. */
export async function checkLedger(client: PgClient): Promise<LedgerVerdict | undefined> {
  const { rows } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('inventory.transaction') IS NOT NULL AS there",
  );
  if (rows[0]?.there !== true) return undefined;
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    return await compare(client);
  } finally {
    await client.query("ROLLBACK").catch(() => undefined);
  }
}

async function compare(client: PgClient): Promise<LedgerVerdict> {
  /** What is credited, by player and asset, as the journal has it. */
  const sums = new Map<string, bigint>();
  const owed: OwedCredit[] = [];
  let owedTotal = 0;
  let credited = 0;
  for await (const row of gathered(client)) {
    const credit = creditOfGathered(
      uuidBytes(row.event_id),
      fromBinary(GatheredSchema, row.payload),
    );
    for (const { holder, asset, amount } of credit.postings) {
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
    if (row.is_credited) credited++;
    else owedTotal++;
  }
  return {
    credited,
    owed,
    owedTotal,
    unsent: await countUnsent(client),
    faults: [...(await strangers(client)), ...(await differing(client, sums))],
  };
}

async function* gathered(client: PgClient): AsyncGenerator<EventRow, void, undefined> {
  await client.query(`DECLARE gathered NO SCROLL CURSOR FOR
    SELECT j.hex_id, j.layer_id, j.hex_version, j.event_id, j.payload,
           t.transaction_id IS NOT NULL AS is_credited
    FROM world.journal AS j
    LEFT JOIN inventory.transaction AS t ON t.transaction_id = j.event_id
    WHERE j.type = 'evt.hex.gathered' ORDER BY j.decided_at`);
  for (;;) {
    const { rows } = await client.query<EventRow>(`FETCH ${fetchCount} FROM gathered`);
    yield* rows;
    if (rows.length < fetchCount) return;
  }
}

/** Credits for what the journal does not have. */
async function strangers(client: PgClient): Promise<VerifyFault[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT t.transaction_id AS id FROM inventory.transaction AS t
     LEFT JOIN world.journal AS j ON j.event_id = t.transaction_id
     WHERE t.kind = 'gathered' AND j.event_id IS NULL LIMIT ${strangersMax}`,
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
  sums: ReadonlyMap<string, bigint>,
): Promise<VerifyFault[]> {
  const { rows } = await client.query<{
    item: string;
    credited: string;
    posted: string;
    balance: string;
  }>(
    `SELECT a.owner || ' ' || a.asset AS item,
       coalesce(sum(p.amount) FILTER (WHERE t.kind = 'gathered'), 0)::text AS credited,
       sum(p.amount)::text AS posted,
       coalesce((SELECT b.amount FROM inventory.balance AS b
                 WHERE b.ledger_account_id = a.ledger_account_id), 0)::text AS balance
     FROM inventory.ledger_account AS a
     JOIN inventory.posting AS p USING (ledger_account_id)
     JOIN inventory.transaction AS t USING (transaction_id)
     WHERE a.kind = 'player' GROUP BY a.ledger_account_id`,
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
