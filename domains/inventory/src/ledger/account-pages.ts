/** What an account has and how it came to that, page by page, without locks. */
import type { Transaction } from "@hexhold/domain";
import { uuidBytes, uuidText } from "@hexhold/messaging";

export interface BalanceRow {
  readonly asset: string;
  /** Free. */
  readonly amount: bigint;
  /** In escrow. */
  readonly held: bigint;
}

export interface HistoryRow {
  readonly entryId: bigint;
  /** 16 bytes. */
  readonly transactionId: Uint8Array;
  readonly kind: string;
  readonly asset: string;
  readonly amount: bigint;
  readonly atMs: bigint;
}

/** Up to `limit` balances of an account, by asset, those behind `after`. */
export async function balancesOf(
  transaction: Transaction,
  accountId: Uint8Array,
  { limit, after }: { readonly limit: number; readonly after: string },
): Promise<readonly BalanceRow[]> {
  const rows = await transaction.query<{ asset: string; amount: string; held: string }>({
    name: "balances_of",
    text: `SELECT a.asset, coalesce(sum(b.amount) FILTER (WHERE a.kind = 'player'), 0) AS amount,
        coalesce(sum(b.amount) FILTER (WHERE a.kind = 'hold'), 0) AS held
      FROM inventory.ledger_account AS a CROSS JOIN LATERAL (
        SELECT amount FROM inventory.balance WHERE ledger_account_id = a.ledger_account_id LIMIT 1) AS b
      WHERE a.owner = $1 AND a.asset > $2
      GROUP BY a.asset ORDER BY a.asset LIMIT $3`,
    values: [uuidText(accountId), after, limit],
  });
  return rows.map(({ asset, amount, held }) => ({
    asset,
    amount: BigInt(amount),
    held: BigInt(held),
  }));
}

/** Up to `limit` postings of a player, the newest first, those before `before` unless it is 0. */
export async function historyOf(
  transaction: Transaction,
  accountId: Uint8Array,
  { limit, before }: { readonly limit: number; readonly before: bigint },
): Promise<readonly HistoryRow[]> {
  const rows = await transaction.query<{
    posting_id: string;
    transaction_id: string;
    kind: string;
    asset: string;
    amount: string;
    at_ms: string;
  }>({
    name: "history_of",
    // Each account's newest by its index, then the newest of those.
    text: `SELECT p.posting_id, p.transaction_id, t.kind, p.asset, p.amount,
        round(extract(epoch FROM t.at) * 1000)::bigint AS at_ms
      FROM (
        SELECT newest.*, a.asset
        FROM inventory.ledger_account AS a CROSS JOIN LATERAL (
          SELECT * FROM inventory.posting AS p
          WHERE p.ledger_account_id = a.ledger_account_id AND ($2::bigint = 0 OR p.posting_id < $2)
          ORDER BY p.posting_id DESC LIMIT $3) AS newest
        WHERE a.owner = $1 AND a.kind = 'player'
        ORDER BY newest.posting_id DESC LIMIT $3) AS p
      CROSS JOIN LATERAL (
        SELECT kind, at FROM inventory.transaction WHERE transaction_id = p.transaction_id LIMIT 1) AS t
      ORDER BY p.posting_id DESC`,
    values: [uuidText(accountId), String(before), limit],
  });
  return rows.map((row) => ({
    entryId: BigInt(row.posting_id),
    transactionId: uuidBytes(row.transaction_id),
    kind: row.kind,
    asset: row.asset,
    amount: BigInt(row.amount),
    atMs: BigInt(row.at_ms),
  }));
}
