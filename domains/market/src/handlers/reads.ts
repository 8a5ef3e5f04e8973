/** What players ask. Answered from the database, without a lock: a read never waits for a book. */
import { create } from "@bufbuild/protobuf";
import { type MessageHandler, onCommand } from "@hexhold/domain";
import {
  BookViewSchema,
  CandlesSchema,
  GetBookSchema,
  GetCandlesSchema,
  GetOrdersSchema,
  GetTradesSchema,
  OrderSchema,
  type Order as OrderMessage,
  OrdersSchema,
  TradesSchema,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import {
  bookState,
  candlesOf,
  levelsOf,
  type OrderOfBook,
  ordersOf,
  tradesOf,
} from "../store/market-reads.ts";
import { sideNumbers, stateNumbers } from "../store/order-rows.ts";
import type { MarketWork } from "../work/market-work.ts";
import { refused } from "./refused.ts";

const levelsDefault = 20;
const tradesDefault = 50;
const candlesDefault = 60;
const ordersDefault = 50;
const lastId = "ffffffff-ffff-ffff-ffff-ffffffffffff";

export const reads: readonly MessageHandler<MarketWork>[] = [
  onCommand(GetBookSchema, async (transaction, { message }) => {
    const { book, levels: asked } = message;
    const state = await bookState(transaction, book);
    if (state === undefined) return refused("no-such-book");
    const limit = asked || levelsDefault;
    const bids = await levelsOf(transaction, book, "buy", limit);
    const asks = await levelsOf(transaction, book, "sell", limit);
    const { version, lastPrice, isHalted } = state;
    const result = create(BookViewSchema, {
      book,
      version,
      bids,
      asks,
      lastPrice,
      halted: isHalted,
    });
    return { kind: "applied", result };
  }),

  onCommand(GetTradesSchema, async (transaction, { message: { book, limit } }) => {
    if ((await bookState(transaction, book)) === undefined) return refused("no-such-book");
    const trades = await tradesOf(transaction, book, limit || tradesDefault);
    return { kind: "applied", result: create(TradesSchema, { trades }) };
  }),

  onCommand(GetCandlesSchema, async (transaction, { message: { book, span, limit } }) => {
    if ((await bookState(transaction, book)) === undefined) return refused("no-such-book");
    const candles = await candlesOf(transaction, book, span, limit || candlesDefault);
    return { kind: "applied", result: create(CandlesSchema, { candles }) };
  }),

  onCommand(GetOrdersSchema, async (transaction, { message, envelope }, work: MarketWork) => {
    const limit = message.limit || ordersDefault;
    // One more than asked for tells whether there is another page.
    const rows = await ordersOf(transaction, uuidText(envelope.accountId), {
      limit: limit + 1,
      before: message.before.length === 16 ? uuidText(message.before) : lastId,
      openOnly: message.openOnly,
      nowMs: work.nowMs,
    });
    const orders = rows.slice(0, limit).map(orderMessage);
    const nextBefore = rows.length > limit ? orders.at(-1)!.orderId : new Uint8Array(0);
    return { kind: "applied", result: create(OrdersSchema, { orders, nextBefore }) };
  }),
];

function orderMessage({ book, order }: OrderOfBook): OrderMessage {
  const { id, side, price, quantity, state, open, filled, paid, endedReason, version } = order;
  return create(OrderSchema, {
    orderId: uuidBytes(id),
    book,
    side: sideNumbers[side],
    price,
    quantity,
    state: stateNumbers[state],
    open,
    filled,
    averagePrice: filled === 0n ? 0n : paid / filled,
    endedReason,
    wantEnd: state === "reserving" && order.wantEnd !== "",
    placedMs: BigInt(order.placedMs),
    expiresMs: BigInt(order.expiresMs),
    version,
  });
}
