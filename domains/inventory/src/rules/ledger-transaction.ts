/** Transactions of the ledger. Pure. */
import type { LedgerEntry } from "@hexhold/actor";

export interface LedgerTransaction extends Required<LedgerEntry> {
  /** 16 bytes: the id of its cause, so that one cause has one transaction for ever. */
  readonly transactionId: Uint8Array;
  /** Of its cause: `gathered`. */
  readonly kind: string;
}
