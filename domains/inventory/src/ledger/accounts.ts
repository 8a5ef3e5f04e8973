/** Accounts that there are, as the accounts service has told. */
import type { Transaction } from "@hexhold/domain";
import { uuidText } from "@hexhold/messaging";
import { int8Array, textArray, uuidArray } from "@hexhold/postgres";

export interface KnownAccount {
  readonly accountId: Uint8Array;
  readonly name: string;
  /** Unix milliseconds. */
  readonly atMs: bigint;
}

/** Notes accounts; those that are known stay as they are. */
export async function addAccounts(
  transaction: Transaction,
  accounts: readonly KnownAccount[],
): Promise<void> {
  const sorted = accounts.toSorted((a, b) => Buffer.compare(a.accountId, b.accountId));
  await transaction.query({
    name: "add_accounts",
    text: `INSERT INTO inventory.account (account, name, registered_at)
      SELECT id, name, to_timestamp(ms / 1000.0) FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS a (id, name, ms)
      ON CONFLICT (account) DO NOTHING`,
    values: [
      uuidArray(sorted.map(({ accountId }) => accountId)),
      textArray(sorted.map(({ name }) => name)),
      int8Array(sorted.map(({ atMs }) => atMs)),
    ],
  });
}

export async function isKnownAccount(
  transaction: Transaction,
  accountId: Uint8Array,
): Promise<boolean> {
  const rows = await transaction.query({
    name: "is_known_account",
    text: `SELECT 1 FROM inventory.account WHERE account = $1`,
    values: [uuidText(accountId)],
  });
  return rows.length > 0;
}
