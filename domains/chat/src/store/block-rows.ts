/** Whom accounts have blocked. The blocking account is locked. */
import type { Transaction } from "@hexhold/domain";

export async function countBlocks(transaction: Transaction, account: string): Promise<number> {
  const [row] = await transaction.query<{ count: number }>({
    name: "chat_count_blocks",
    text: "SELECT count(*)::integer AS count FROM chat.block WHERE account_id = $1",
    values: [account],
  });
  return row?.count ?? 0;
}

export async function isBlocked(
  transaction: Transaction,
  account: string,
  other: string,
): Promise<boolean> {
  const rows = await transaction.query({
    name: "chat_is_blocked",
    text: "SELECT 1 FROM chat.block WHERE account_id = $1 AND blocked = $2",
    values: [account, other],
  });
  return rows.length > 0;
}

export async function addBlock(
  transaction: Transaction,
  account: string,
  other: string,
): Promise<void> {
  await transaction.query({
    name: "chat_add_block",
    text: "INSERT INTO chat.block (account_id, blocked) VALUES ($1, $2)",
    values: [account, other],
  });
}

export async function endBlock(
  transaction: Transaction,
  account: string,
  other: string,
): Promise<void> {
  await transaction.query({
    name: "chat_end_block",
    text: "DELETE FROM chat.block WHERE account_id = $1 AND blocked = $2",
    values: [account, other],
  });
}

export interface BlockedRow {
  readonly account: string;
  readonly name: string;
}

/** By id, those behind `after`. */
export async function readBlocks(
  transaction: Transaction,
  account: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly BlockedRow[]> {
  return transaction.query<BlockedRow>({
    name: "chat_blocks",
    text: `SELECT b.blocked::text AS account,
        coalesce((SELECT s.name FROM chat.speaker AS s WHERE s.account_id = b.blocked), '') AS name
      FROM chat.block AS b WHERE b.account_id = $1 AND b.blocked > $2 ORDER BY b.blocked LIMIT $3`,
    values: [account, after, limit],
  });
}

export async function takesWhispers(transaction: Transaction, account: string): Promise<boolean> {
  const [row] = await transaction.query<{ takes: boolean }>({
    name: "chat_takes_whispers",
    text: "SELECT takes_whispers AS takes FROM chat.speaker WHERE account_id = $1",
    values: [account],
  });
  return row?.takes ?? true;
}
