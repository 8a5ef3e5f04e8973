/** Events that stand for transactions: the game says which, the ledger keeps them. */
import type { Holder } from "@hexhold/actor";
import { onEvents } from "@hexhold/domain";
import { burnOf, type LedgerAccount, mintOf, playerOf } from "../rules/ledger-account.ts";
import type { LedgerEvent } from "../rules/ledger-events.ts";
import type { LedgerWork } from "../ledger/ledger-work.ts";
import { named, type NamedHandler } from "./named-handler.ts";

/** Posts what events of one type stand for, each once. */
export function creditHandler({ schema, transactionOf }: LedgerEvent): NamedHandler {
  return named(
    schema,
    ({ message, envelope }) => {
      const posted = transactionOf(envelope.eventId, message);
      if (posted === undefined) return {};
      return {
        transactions: [posted.transactionId],
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
        }
        return Promise.resolve();
      }),
  );
}

function accountOf(holder: Holder, asset: string): LedgerAccount {
  if (holder.kind === "player") return playerOf(holder.accountId, asset);
  return holder.kind === "mint" ? mintOf(asset) : burnOf(asset);
}
