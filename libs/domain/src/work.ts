/**
 * What handlers keep in memory beside a transaction: each transaction has one of its own. Handlers gather in it, one
 * `flush` writes by set what was gathered, and what a service caches takes over its results only when they are
 * committed: memory of a transaction that was rolled back, or of which nobody knows, looks true and is not.
 */
import type { PgPool } from "@hexhold/postgres";
import type { DomainMessage } from "./service-definition.ts";
import { inTransaction, type Transaction } from "./transaction.ts";

export interface Work {
  /**
   * Before any handler, with all messages that will be handled, or refused in a letter's place, in their order: the place
   * to take the locks of all of them together, in one order. What it throws costs the messages an attempt, and the letter
   * as well: what a message says wrongly is for its handler to throw.
   */
  prepare?(transaction: Transaction, messages: readonly DomainMessage[]): Promise<void>;
  /** Before the commit, when all handlers have run. What it throws costs the messages an attempt. */
  flush(transaction: Transaction): Promise<void>;
  /** The commit was answered. Never throws. */
  committed(): void;
  /** Nothing was stored, or nobody knows whether: what is cached of it is dropped. Never throws. */
  rolledBack(): void;
}

/** Of services that keep nothing in memory. */
export const noWork: Work = {
  flush: () => Promise.resolve(),
  committed: () => undefined,
  rolledBack: () => undefined,
};

/** Runs `run` with a work of its own in one transaction, as {@link inTransaction} does. */
export async function inTransactionWithWork<W extends Work, T>(
  pool: PgPool,
  newWork: () => W,
  run: (transaction: Transaction, work: W) => Promise<T>,
): Promise<T> {
  const work = newWork();
  let isCommitted = false;
  try {
    const value = await inTransaction(pool, async (transaction) => {
      const done = await run(transaction, work);
      await work.flush(transaction);
      return done;
    });
    isCommitted = true;
    return value;
  } finally {
    if (isCommitted) work.committed();
    else work.rolledBack();
  }
}
