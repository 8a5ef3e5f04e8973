/** The ledger's tables. Balances are kept by the database, in the transaction of the postings. */
import type { Holder } from "@hexhold/actor";
import type { Transaction } from "@hexhold/domain";
import { uuidText } from "@hexhold/messaging";
import { int4Array, int8Array, textArray, uuidArray } from "@hexhold/postgres";
import type { LedgerTransaction } from "../rules/ledger-transaction.ts";

export interface BalanceRow {
  readonly asset: string;
  readonly amount: bigint;
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

/** Owner of mints and burns. */
const nobody = new Uint8Array(16);

/**
 * Posts transactions in their order. One whose id is in the ledger already changes nothing. Fails, at the latest at
 * the commit, when a balance would fall below zero or when postings do not sum to zero per asset.
 */
export async function post(
  transaction: Transaction,
  posted: readonly LedgerTransaction[],
): Promise<void> {
  const postings = posted.flatMap(({ transactionId, postings }) =>
    postings.map((posting) => ({ ...posting, transactionId })),
  );
  const owners = uuidArray(postings.map(({ holder }) => ownerOf(holder)));
  const kinds = textArray(postings.map(({ holder }) => holder.kind));
  const assets = textArray(postings.map(({ asset }) => asset));
  await transaction.query({
    name: "add_assets",
    text: `INSERT INTO inventory.asset (asset)
      SELECT DISTINCT a FROM unnest($1::text[]) AS a
      ORDER BY a ON CONFLICT DO NOTHING`,
    values: [assets],
  });
  await transaction.query({
    name: "add_ledger_accounts",
    // In one order everywhere: two transactions that add the same accounts wait for each other, and never both.
    text: `INSERT INTO inventory.ledger_account (owner, kind, asset)
      SELECT DISTINCT p.owner, p.kind, p.asset
      FROM unnest($1::uuid[], $2::text[], $3::text[]) AS p (owner, kind, asset)
      WHERE (SELECT known.ledger_account_id FROM inventory.ledger_account AS known
        WHERE known.owner = p.owner AND known.kind = p.kind AND known.asset = p.asset) IS NULL
      ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING`,
    values: [owners, kinds, assets],
  });
  await transaction.query({
    name: "add_postings",
    text: `WITH added AS (
        INSERT INTO inventory.transaction (transaction_id, kind, at)
        SELECT id, kind, to_timestamp(at_ms::float8 / 1000)
        FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS t (id, kind, at_ms)
        ON CONFLICT (transaction_id) DO NOTHING RETURNING transaction_id)
      INSERT INTO inventory.posting (transaction_id, ledger_account_id, amount)
      SELECT p.transaction_id, (
          SELECT a.ledger_account_id FROM inventory.ledger_account AS a
          WHERE a.owner = p.owner AND a.kind = p.kind AND a.asset = p.asset),
        p.amount
      FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::bigint[], $9::integer[])
        AS p (transaction_id, owner, kind, asset, amount, nth)
      JOIN added ON added.transaction_id = p.transaction_id
      ORDER BY p.nth`,
    values: [
      uuidArray(posted.map(({ transactionId }) => transactionId)),
      textArray(posted.map(({ kind }) => kind)),
      int8Array(posted.map(({ atMs }) => atMs)),
      uuidArray(postings.map(({ transactionId }) => transactionId)),
      owners,
      kinds,
      assets,
      int8Array(postings.map(({ amount }) => amount)),
      int4Array(postings.map((_, nth) => nth)),
    ],
  });
}

/** Up to `limit` balances of a player, by asset, those behind `after`. */
export async function balancesOf(
  transaction: Transaction,
  accountId: Uint8Array,
  { limit, after }: { readonly limit: number; readonly after: string },
): Promise<readonly BalanceRow[]> {
  const rows = await transaction.query<{ asset: string; amount: string }>({
    name: "balances_of",
    text: `SELECT a.asset, b.amount
      FROM inventory.ledger_account AS a JOIN inventory.balance AS b USING (ledger_account_id)
      WHERE a.owner = $1 AND a.kind = 'player' AND a.asset > $2
      ORDER BY a.asset LIMIT $3`,
    values: [uuidText(accountId), after, limit],
  });
  return rows.map(({ asset, amount }) => ({ asset, amount: BigInt(amount) }));
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
      JOIN inventory.transaction AS t USING (transaction_id)
      ORDER BY p.posting_id DESC`,
    values: [uuidText(accountId), String(before), limit],
  });
  return rows.map((row) => ({
    entryId: BigInt(row.posting_id),
    transactionId: new Uint8Array(Buffer.from(row.transaction_id.replaceAll("-", ""), "hex")),
    kind: row.kind,
    asset: row.asset,
    amount: BigInt(row.amount),
    atMs: BigInt(row.at_ms),
  }));
}

function ownerOf(holder: Holder): Uint8Array {
  return holder.kind === "player" ? holder.accountId : nobody;
}
