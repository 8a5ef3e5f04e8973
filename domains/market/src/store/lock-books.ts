/** Books as their rows say, under their locks. */
import type { Transaction } from "@hexhold/domain";
import { textArray, uuidArray } from "@hexhold/postgres";
import { uuidBytes } from "@hexhold/messaging";
import type { Order } from "../rules/order.ts";
import { orderColumns, type OrderRow, orderOf } from "./order-rows.ts";

export interface LockedBook {
  readonly name: string;
  /** Of its last commit. */
  readonly version: bigint;
  readonly seq: bigint;
  readonly isHalted: boolean;
}

/**
 * Locks books until the end of the transaction, in ascending order whatever the order of `names`; those that do not exist are
 * left out. Waits for 2 s at most, then fails with 55P03.
 */
export async function lockBooks(
  transaction: Transaction,
  names: readonly string[],
): Promise<LockedBook[]> {
  const rows = await transaction.query<{
    book: string;
    version: string;
    seq: string;
    is_halted: boolean;
  }>({
    name: "market_lock",
    text: "SELECT book, version::text, seq::text, is_halted FROM market.lock($1)",
    values: [textArray(names)],
  });
  return rows.map((row) => ({
    name: row.book,
    version: BigInt(row.version),
    seq: BigInt(row.seq),
    isHalted: row.is_halted,
  }));
}

/** Every live order of a book; what rests in the order of its time. Without a name: planned for the rows that are there now. */
export async function loadOrders(transaction: Transaction, name: string): Promise<Order[]> {
  const rows = await transaction.query<OrderRow>({
    text: `SELECT ${orderColumns} FROM market."order" AS o WHERE o.book = $1 AND o.state = 1
      UNION ALL SELECT * FROM (
        SELECT ${orderColumns} FROM market."order" AS o WHERE o.book = $1 AND o.state = 2 ORDER BY o.seq) AS resting`,
    values: [name],
  });
  return rows.map(orderOf);
}

/** Commands of each account in the second before `nowMs` that have changed something; accounts without one are left out. */
export async function countCommands(
  transaction: Transaction,
  accounts: readonly string[],
  nowMs: number,
  most: number,
): Promise<Map<string, number>> {
  const rows = await transaction.query<{ account_id: string; commands: string }>({
    name: "market_pace",
    text: `SELECT account_id::text, commands::text FROM market.pace($1, $2, $3) WHERE commands > 0`,
    values: [uuidArray(accounts.map(uuidBytes)), nowMs - 999, most],
  });
  return new Map(rows.map(({ account_id: account, commands }) => [account, Number(commands)]));
}

/** Stops or resumes matching in a locked book; its version rises by one. */
export async function haltBook(
  transaction: Transaction,
  { name, version }: Pick<LockedBook, "name" | "version">,
  isHalted: boolean,
  reason: string,
): Promise<void> {
  await transaction.query({
    text: "SELECT market.halt($1, $2, $3, $4)",
    values: [name, String(version), isHalted, reason],
  });
}
