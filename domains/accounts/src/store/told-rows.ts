/** Accounts of which other services have not been told. */
import { type OutboxMessage, outboxStatement } from "@hexhold/domain";
import type { RunStatement } from "./database.ts";

export interface UntoldAccount {
  /** UUID text. */
  readonly accountId: string;
  readonly name: string;
  /** Unix milliseconds. */
  readonly createdMs: number;
}

/** The oldest of them, at most `countMax`, locked; none that another transaction has in hand. */
export async function untoldAccounts(
  run: RunStatement,
  countMax: number,
): Promise<UntoldAccount[]> {
  const rows = await run<{ account_id: string; name: string; created_ms: string }>(
    "untold_accounts",
    `SELECT account_id, name, floor(extract(epoch FROM created_at) * 1000)::text AS created_ms
     FROM accounts.account WHERE NOT is_told ORDER BY account_id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED`,
    [countMax],
  );
  return rows.map((row) => ({
    accountId: row.account_id,
    name: row.name,
    createdMs: Number(row.created_ms),
  }));
}

export async function markTold(
  run: RunStatement,
  accounts: readonly UntoldAccount[],
): Promise<void> {
  await run(
    "mark_told",
    "UPDATE accounts.account SET is_told = true WHERE account_id = ANY ($1::uuid[])",
    [accounts.map(({ accountId }) => accountId)],
  );
}

export async function writeOutbox(
  run: RunStatement,
  messages: readonly OutboxMessage[],
): Promise<void> {
  const { name, text, values } = outboxStatement("accounts", messages);
  await run(name, text, [...values]);
}
