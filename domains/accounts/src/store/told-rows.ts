/** Accounts of which other services have not been told. */
import type { OutboxMessage } from "@hexhold/domain";
import { byteaArray, textArray } from "@hexhold/postgres";
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
  await run(
    "write_outbox",
    `INSERT INTO accounts.outbox (destination, subject, envelope)
     SELECT destination, subject, envelope
     FROM unnest($1::text[], $2::text[], $3::bytea[]) WITH ORDINALITY AS m (destination, subject, envelope, nth)
     ORDER BY nth`,
    [
      textArray(messages.map(({ destination }) => destination)),
      textArray(messages.map(({ subject }) => subject)),
      byteaArray(messages.map(({ envelope }) => envelope)),
    ],
  );
}
