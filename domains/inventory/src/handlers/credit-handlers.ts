/** Events that stand for transactions: the game says which, the ledger keeps them. */
import type { Holder } from "@hexhold/actor";
import { onEvents } from "@hexhold/domain";
import { burnOf, type LedgerAccount, mintOf, playerOf } from "../rules/ledger-account.ts";
import type { LedgerEvent } from "../rules/ledger-events.ts";
import type { LedgerWork } from "../ledger/ledger-work.ts";
import type { InventoryRules } from "./inventory-context.ts";
import { named, type NamedHandler } from "./named-handler.ts";

/** Posts what events of one type stand for, each once, and makes the items that come with it. */
export function creditHandler(
  { schema, transactionOf }: LedgerEvent,
  { plaques }: Pick<InventoryRules, "plaques">,
): NamedHandler {
  return named(
    schema,
    ({ message, envelope }) => {
      const posted = transactionOf(envelope.eventId, message);
      if (posted === undefined) return {};
      return {
        transactions: [posted.transactionId],
        items: posted.items.map(({ itemId }) => itemId),
        opened: posted.postings.map(({ holder, asset }) => accountOf(holder, asset)),
      };
    },
    (events) =>
      onEvents(events, (_transaction, credits, { rows }: LedgerWork) => {
        for (const { message, envelope } of credits) {
          const posted = transactionOf(envelope.eventId, message);
          if (posted === undefined || rows.isPosted(posted.transactionId)) continue;
          rows.post(
            posted,
            posted.postings.map(({ holder, asset, amount }) => ({
              account: accountOf(holder, asset),
              amount,
            })),
          );
          if (!plaques) continue;
          for (const { itemId, kind, accountId: owner, attributes } of posted.items) {
            const made = { itemId, kind, owner, attributes, madeMs: posted.atMs };
            rows.addItem({ ...made, heldBy: undefined, version: 1 }, posted.transactionId);
          }
        }
        return Promise.resolve();
      }),
  );
}

function accountOf(holder: Holder, asset: string): LedgerAccount {
  if (holder.kind === "player") return playerOf(holder.accountId, asset);
  return holder.kind === "mint" ? mintOf(asset) : burnOf(asset);
}
