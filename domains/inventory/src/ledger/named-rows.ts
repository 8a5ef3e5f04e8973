/** Rows that messages name: what is locked before anything is decided. */
import type { LedgerAccount } from "../rules/ledger-account.ts";
import type { SiteTaken } from "../rules/ledger-rows.ts";

export interface NamedRows {
  readonly offers?: readonly Uint8Array[];
  /** The accounts and assets of which they are belong to them. */
  readonly holds?: readonly Uint8Array[];
  /** Holds that a trade pays out of: each side is given what the other has held. */
  readonly settled?: readonly { readonly buyHold: Uint8Array; readonly sellHold: Uint8Array }[];
  readonly takes?: readonly Uint8Array[];
  readonly sites?: readonly Pick<SiteTaken, "siteId" | "account" | "asset">[];
  readonly items?: readonly Uint8Array[];
  /** Accounts that are looked at, or taken from: one that is not there has nothing. */
  readonly accounts?: readonly LedgerAccount[];
  /** Accounts that are added to: made where they are not there. */
  readonly opened?: readonly LedgerAccount[];
  /** Added to if `from` has something to give: not made for who has nothing. */
  readonly openedFrom?: readonly {
    readonly account: LedgerAccount;
    readonly from: LedgerAccount;
  }[];
  /** Ids of transactions that may be there already. */
  readonly transactions?: readonly Uint8Array[];
}

/** All of them, in one. */
export function mergeNamed(named: readonly NamedRows[]): Required<NamedRows> {
  return {
    offers: named.flatMap(({ offers = [] }) => offers),
    holds: named.flatMap(({ holds = [] }) => holds),
    settled: named.flatMap(({ settled = [] }) => settled),
    takes: named.flatMap(({ takes = [] }) => takes),
    sites: named.flatMap(({ sites = [] }) => sites),
    items: named.flatMap(({ items = [] }) => items),
    accounts: named.flatMap(({ accounts = [] }) => accounts),
    opened: named.flatMap(({ opened = [] }) => opened),
    openedFrom: named.flatMap(({ openedFrom = [] }) => openedFrom),
    transactions: named.flatMap(({ transactions = [] }) => transactions),
  };
}
