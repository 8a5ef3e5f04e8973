/**
 * What handlers keep in memory beside a transaction: each transaction has one of its own. Handlers gather in it, one
 * `flush` writes by set what was gathered, and what a service caches takes over its results only when they are
 * committed: memory of a transaction that was rolled back, or of which nobody knows, looks true and is not.
 */
import type { Transaction } from "./transaction.ts";

export interface Work {
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
