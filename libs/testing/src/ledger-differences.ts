/** The ledger held against the journal: per account and item, what was credited is what was gathered. */
import { fromBinary } from "@bufbuild/protobuf";
import { type Gathered, GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { ResourceSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { withPostgres } from "./with-postgres.ts";

export interface LedgerDifferences {
  /** Accounts and items of which something was gathered. */
  readonly gathered: number;
  /** `<account> <item>` where journal, postings and balance do not say the same. */
  readonly differing: readonly string[];
}

/** What the ledger has of an account and item, as PostgreSQL writes numbers. */
export interface LedgerRow {
  /** `<account> <item>` */
  readonly item: string;
  readonly balance: string;
  /** Sum of the postings. */
  readonly posted: string;
}

/**
 * Sums every `Gathered` of the journal and compares with balances and postings of the ledger. Of a world at
 * rest there is no difference; while messages are on their way there is. Reads the whole journal into memory:
 * some hundred thousand events at most. `postgresUrl` is of a role that sees both schemas, payloads included.
 */
export async function ledgerDifferences(postgresUrl: string): Promise<LedgerDifferences> {
  return withPostgres(postgresUrl, async (database) => {
    const { rows: events } = await database.query<{ payload: Buffer }>(
      "SELECT payload FROM world.journal WHERE type = 'evt.hex.gathered'",
    );
    const { rows } = await database.query<LedgerRow>(
      `SELECT owner || ' ' || asset AS item, b.amount AS balance, sum(p.amount) AS posted
       FROM inventory.ledger_account JOIN inventory.balance AS b USING (ledger_account_id)
       JOIN inventory.posting AS p USING (ledger_account_id)
       WHERE kind = 'player' GROUP BY owner, asset, b.amount`,
    );
    return compareLedger(
      events.map(({ payload }) => fromBinary(GatheredSchema, payload)),
      rows,
    );
  });
}

/** The comparison alone. Pure. */
export function compareLedger(
  events: readonly Gathered[],
  rows: readonly LedgerRow[],
): LedgerDifferences {
  const sums = new Map<string, bigint>();
  for (const { playerId, resource, amount } of events) {
    const item = `${uuidText(playerId)} ${ResourceSchema.value[resource]!.localName.toLowerCase()}`;
    sums.set(item, (sums.get(item) ?? 0n) + amount);
  }
  const ledger = new Map(rows.map((row) => [row.item, row]));
  const differing = [...new Set([...sums.keys(), ...ledger.keys()])].filter((item) => {
    const expected = String(sums.get(item) ?? 0n);
    const { balance, posted } = ledger.get(item) ?? {};
    return balance !== expected || posted !== expected;
  });
  return { gathered: sums.size, differing };
}

/** Not that of libs/messaging, whose own tests use this package. */
function uuidText(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
