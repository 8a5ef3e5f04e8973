/** What players read of what they have. Nobody reads what another has. */
import { create } from "@bufbuild/protobuf";
import { type DomainCommand, type MessageHandler, onCommand } from "@hexhold/domain";
import {
  BalancesSchema,
  GetBalancesSchema,
  GetHistorySchema,
  HistorySchema,
} from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import {
  GetItemsSchema,
  GetOffersSchema,
  ItemsSchema,
  OffersSchema,
} from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { balancesOf, historyOf } from "../ledger/account-pages.ts";
import type { LedgerWork } from "../ledger/ledger-work.ts";
import { itemsOf, offersOf } from "../ledger/offer-pages.ts";

const balancesDefault = 100;
const entriesDefault = 50;
const offersDefault = 20;
const itemsDefault = 50;
const none = new Uint8Array(0);

export const readHandlers: readonly MessageHandler<LedgerWork>[] = [
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

  onCommand(GetOffersSchema, async (transaction, command) => {
    const { limit: asked, before, openOnly } = command.message;
    const limit = asked || offersDefault;
    const page = { limit: limit + 1, before, openOnly };
    const rows = await offersOf(transaction, accountOf(command), page);
    const offers = rows.slice(0, limit);
    const nextBefore = rows.length > limit ? (offers.at(-1)?.terms?.offerId ?? none) : none;
    return { kind: "applied", result: create(OffersSchema, { offers, nextBefore }) };
  }),

  onCommand(GetItemsSchema, async (transaction, command) => {
    const { limit: asked, after } = command.message;
    const limit = asked || itemsDefault;
    const rows = await itemsOf(transaction, accountOf(command), { limit: limit + 1, after });
    const items = rows.slice(0, limit);
    const nextAfter = rows.length > limit ? (items.at(-1)?.itemId ?? none) : none;
    return { kind: "applied", result: create(ItemsSchema, { items, nextAfter }) };
  }),
];

function accountOf({ envelope }: DomainCommand): Uint8Array {
  return envelope.accountId;
}
