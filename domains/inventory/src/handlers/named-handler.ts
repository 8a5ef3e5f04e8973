/** A handler of the inventory, and the rows that its messages are about. */
import { namedFor, type NamedHandler as HandlerOf } from "@hexhold/domain";
import type { LedgerWork } from "../ledger/ledger-work.ts";
import type { NamedRows } from "../ledger/named-rows.ts";

export type NamedHandler = HandlerOf<LedgerWork, NamedRows>;
export const named = namedFor<LedgerWork, NamedRows>();
