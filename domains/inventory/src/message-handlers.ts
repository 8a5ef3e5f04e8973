/** What the inventory does with its messages: the game says what events stand for, the ledger keeps it. */
import { create } from "@bufbuild/protobuf";
import { type DomainCommand, type MessageHandler, onCommand, onEvents } from "@hexhold/domain";
import {
  BalancesSchema,
  GetBalancesSchema,
  GetHistorySchema,
  HistorySchema,
} from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import { balancesOf, historyOf, post } from "./ledger/ledger.ts";
import type { LedgerEvent } from "./rules/ledger-events.ts";

const balancesDefault = 100;
const entriesDefault = 50;

/** Posts what events of one type stand for. */
export function ledgerHandler({ schema, transactionOf }: LedgerEvent): MessageHandler {
  return onEvents(schema, async (transaction, events) => {
    const posted = events.flatMap(
      ({ message, envelope }) => transactionOf(envelope.eventId, message) ?? [],
    );
    if (posted.length > 0) await post(transaction, posted);
  });
}

export const commandHandlers: readonly MessageHandler[] = [
  onCommand(GetBalancesSchema, async (transaction, command) => {
    const { limit: asked, after } = command.message;
    const limit = asked || balancesDefault;
    const account = accountOf(command);
    // One more than asked for tells whether there is another page.
    const rows = await balancesOf(transaction, account, { limit: limit + 1, after });
    const balances = rows.slice(0, limit);
    const nextAfter = rows.length > limit ? (balances.at(-1)?.asset ?? "") : "";
    return {
      kind: "applied",
      result: create(BalancesSchema, { balances: [...balances], nextAfter }),
    };
  }),

  onCommand(GetHistorySchema, async (transaction, command) => {
    const { limit: asked, before } = command.message;
    const limit = asked || entriesDefault;
    const account = accountOf(command);
    const rows = await historyOf(transaction, account, { limit: limit + 1, before });
    const entries = rows.slice(0, limit);
    const nextBefore = rows.length > limit ? (entries.at(-1)?.entryId ?? 0n) : 0n;
    return {
      kind: "applied",
      result: create(HistorySchema, { entries: [...entries], nextBefore }),
    };
  }),
];

/** The account that asks: nobody reads what another has. */
function accountOf({ envelope }: DomainCommand): Uint8Array {
  return envelope.accountId;
}
