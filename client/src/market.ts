/** The market as a player of a session sees and uses it: books and own orders, as they change. */
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type CancelOrder,
  CancelOrderSchema,
  type GetBook,
  GetBookSchema,
  type GetCandles,
  GetCandlesSchema,
  type GetOrders,
  GetOrdersSchema,
  type GetTrades,
  GetTradesSchema,
  type Order,
  type PlaceOrder,
  PlaceOrderSchema,
  type Span,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { BookChangedSchema, OrderChangedSchema } from "@hexhold/gen/hexhold/market/v1/events_pb";
import {
  type BookState,
  bookState,
  type Horizon,
  horizonOf,
  levelsMax,
  withChange,
} from "./book-state.ts";
import type { Client, SendOptions } from "./client.ts";
import { typeOfEvent } from "./contract-of.ts";
import { healing, readOf, unordered, type WatchOptions } from "./healing.ts";
import type { OutcomeOf } from "./outcome.ts";
import { ownTopic } from "./topics.ts";

export interface OrdersWatchOptions extends WatchOptions {
  /** Those that have ended in the last seven days as well: whoever shows an order shows what became of it. Default false. */
  readonly ended?: boolean;
}

export interface Market {
  /**
   * Follows a book: its best levels, at least 20 of each side where there are so many. The newest state each time it has
   * changed, at most five a second; throws a {@link WatchError} when there is no such book.
   */
  watch(book: string, options?: WatchOptions): AsyncIterableIterator<BookState>;
  /** Follows the own orders that have not ended (`ended`: any), the newest first, at most 100. */
  watchOrders(options?: OrdersWatchOptions): AsyncIterableIterator<readonly Order[]>;
  /**
   * Places an order: price 1 to 10⁹ coin in at most three digits that count, quantity 1 to 10⁶, their product at most 10¹². It
   * lives for three days (`lifetimeS`: 60 to 1,209,600), and rests until it is filled (`fill`: `IOC` ends what is left at once).
   * Applied means that it is kept: it is open when its escrow is there, or rejected; `watchOrders` says which.
   */
  place(
    order: MessageInitShape<typeof PlaceOrderSchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<PlaceOrder>>;
  /** @param orderId 16 bytes. What is left of it comes back by the unit. */
  cancel(book: string, orderId: Uint8Array, options?: SendOptions): Promise<OutcomeOf<CancelOrder>>;
  /** A page of own orders, ended ones of the last seven days among them, the newest first: 50 unless `limit` (at most 100) says otherwise. */
  orders(
    page?: MessageInitShape<typeof GetOrdersSchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<GetOrders>>;
  /** The best levels of a book: 20 of each side unless `levels` (at most 50) says otherwise. */
  book(book: string, levels?: number, options?: SendOptions): Promise<OutcomeOf<GetBook>>;
  /** The newest trades of a book: 50 unless `limit` (at most 100) says otherwise. */
  trades(book: string, limit?: number, options?: SendOptions): Promise<OutcomeOf<GetTrades>>;
  /** The newest candles of a book: 60 unless `limit` (at most 200) says otherwise. */
  candles(
    book: string,
    span: Span,
    limit?: number,
    options?: SendOptions,
  ): Promise<OutcomeOf<GetCandles>>;
}

const ordersMax = 100;

export function createMarket(client: Pick<Client<unknown>, "listen" | "send">): Market {
  return {
    watch(book, options) {
      let horizon: Horizon = { bids: undefined, asks: undefined };
      return healing<BookState>(
        client,
        {
          topic: `market/${book}`,
          async read() {
            const outcome = await client.send(
              GetBookSchema,
              undefined,
              { book, levels: levelsMax },
              unordered,
            );
            return readOf(outcome, (view) => {
              const state = bookState(view);
              horizon = horizonOf(state);
              return state;
            });
          },
          apply(state, { type, payload }) {
            if (type !== bookChanged) return "old";
            return withChange(state, horizon, fromBinary(BookChangedSchema, payload));
          },
          seqOf: ({ version }) => version,
        },
        options,
      );
    },
    watchOrders: ({ ended = false, ...options } = {}) =>
      healing<readonly Order[]>(
        client,
        {
          topic: ownTopic,
          async read() {
            const page = { limit: ordersMax, openOnly: !ended };
            const outcome = await client.send(GetOrdersSchema, undefined, page, unordered);
            return readOf(outcome, ({ orders }) => orders);
          },
          // It does not say what a new order is; one that is known may be read newer than the event.
          apply: (_, { type }) => (type === orderChanged ? "hole" : "old"),
          seqOf: () => 0n,
        },
        options,
      ),
    place: (order, options) => client.send(PlaceOrderSchema, undefined, order, options),
    cancel: (book, orderId, options) =>
      client.send(CancelOrderSchema, undefined, { book, orderId }, options),
    orders: (page, options) => client.send(GetOrdersSchema, undefined, page, options),
    book: (book, levels = 0, options) =>
      client.send(GetBookSchema, undefined, { book, levels }, options),
    trades: (book, limit = 0, options) =>
      client.send(GetTradesSchema, undefined, { book, limit }, options),
    candles: (book, span, limit = 0, options) =>
      client.send(GetCandlesSchema, undefined, { book, span, limit }, options),
  };
}

const bookChanged = typeOfEvent(BookChangedSchema);
const orderChanged = typeOfEvent(OrderChangedSchema);
