/** What one transaction of the inventory has in memory: the rows that it has locked, and what it will write and send. */
import type { DomainMessage, Outbox, OutboxMessage, Transaction, Work } from "@hexhold/domain";
import { createLedgerRows, type LedgerRows, noRows } from "../rules/ledger-rows.ts";
import { lockRows } from "./lock-rows.ts";
import type { NamedRows } from "./named-rows.ts";
import { writeChanges } from "./write-changes.ts";
import type { LedgerTransaction } from "../rules/ledger-transaction.ts";

export interface LedgerWork extends Work {
  /** The rows that the transaction's messages name; what is not named is not there. */
  readonly rows: LedgerRows;
  /** For a transaction without messages: locks what it is about, once and before anything is decided. */
  lock(transaction: Transaction, named: readonly NamedRows[]): Promise<void>;
  /** Goes out when the transaction is committed. */
  send(message: OutboxMessage): void;
}

export interface LedgerWorkOptions {
  readonly outbox: Outbox;
  /** What a message names: of one that is only read, nothing. */
  readonly namesOf: (message: DomainMessage) => NamedRows;
  /** A transaction of the ledger was committed. */
  readonly onPosted: (transaction: Pick<LedgerTransaction, "kind" | "atMs">) => void;
  /** The commit was answered: the rows are as it has left them. Never throws. Default: nobody is told. */
  readonly onCommitted?: (rows: LedgerRows) => void;
}

export function createLedgerWork(options: LedgerWorkOptions): LedgerWork {
  const { outbox, namesOf, onPosted, onCommitted } = options;
  let rows = createLedgerRows(noRows());
  let accountIds: ReadonlyMap<string, bigint> = new Map();
  const sent: OutboxMessage[] = [];

  async function lock(transaction: Transaction, named: readonly NamedRows[]): Promise<void> {
    const locked = await lockRows(transaction, named);
    rows = createLedgerRows(locked.rows);
    ({ accountIds } = locked);
  }

  return {
    get rows() {
      return rows;
    },
    lock,
    async prepare(transaction, messages) {
      const named = messages.map(namesOf).filter((names) => Object.keys(names).length > 0);
      if (named.length > 0) await lock(transaction, named);
    },
    send: (message) => void sent.push(message),
    async flush(transaction) {
      await writeChanges(transaction, rows.changes, accountIds);
      await outbox.send(transaction, sent);
    },
    committed() {
      rows.changes.transactions.forEach((posted) => onPosted(posted));
      onCommitted?.(rows);
    },
    rolledBack: () => undefined,
  };
}
