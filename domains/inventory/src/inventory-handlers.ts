/** All that the inventory does with messages and timers, and what it keeps in memory beside a transaction. */
import { type DomainOptions, onEvents, namesByType } from "@hexhold/domain";
import { RegisteredSchema } from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { creditHandler } from "./handlers/credit-handlers.ts";
import { escrowHandlers } from "./handlers/escrow-handlers.ts";
import { grantHandlers } from "./handlers/grant-handlers.ts";
import type { InventoryContext } from "./handlers/inventory-context.ts";
import { readHandlers } from "./handlers/read-handlers.ts";
import { takeHandlers } from "./handlers/take-handlers.ts";
import { offerExpiry, tradeHandlers } from "./handlers/trade-handlers.ts";
import { addAccounts } from "./ledger/accounts.ts";
import { createLedgerWork, type LedgerWork } from "./ledger/ledger-work.ts";
import { tellChanges } from "./ledger/tell-changes.ts";
import type { LedgerEvent } from "./rules/ledger-events.ts";
import type { LedgerTransaction } from "./rules/ledger-transaction.ts";

export function createInventoryHandlers(
  context: InventoryContext,
  events: readonly LedgerEvent[],
): Required<Pick<DomainOptions<LedgerWork>, "handlers" | "timers" | "prunes" | "newWork">> {
  const named = [
    ...events.map((event) => creditHandler(event, context.rules)),
    ...escrowHandlers(context),
    ...takeHandlers(context),
    ...tradeHandlers(context),
    ...grantHandlers(context),
  ];
  const namesOf = namesByType(named);
  const { outbox, metrics, topics, worldNow } = context;
  const onPosted = ({ kind, atMs }: Pick<LedgerTransaction, "kind" | "atMs">): void => {
    metrics.transactions.inc({ kind });
    metrics.transactionLag.observe({ kind }, Math.max(worldNow() - Number(atMs), 0) / 1000);
  };
  return {
    handlers: [
      ...named.map(({ handler }) => handler),
      onEvents(RegisteredSchema, (transaction, events) =>
        addAccounts(
          transaction,
          events.map(({ message }) => message),
        ),
      ),
      ...readHandlers,
    ],
    timers: [offerExpiry(context)],
    prunes: [
      (rowsMax, worldMs) => ({
        text: "SELECT inventory.prune_steps($1, $2)::text AS gone",
        values: [rowsMax, worldMs],
      }),
    ],
    newWork: () =>
      createLedgerWork({
        outbox,
        namesOf,
        onPosted,
        onCommitted: (rows) => tellChanges(topics, rows),
      }),
  };
}
