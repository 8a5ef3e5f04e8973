/** The market as a player of a session sees it: books and own orders, as they change. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  GetBookSchema,
  GetOrdersSchema,
  type Order,
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
import type { Client } from "./client.ts";
import { typeOfEvent } from "./contract-of.ts";
import { healing, readOf, unordered, type WatchOptions } from "./healing.ts";
import { ownTopic } from "./topics.ts";

export interface Market {
  /**
   * Follows a book: its best levels, at least 20 of each side where there are so many. The newest state each time it has
   * changed, at most five a second; throws a {@link WatchError} when there is no such book.
   */
  watch(book: string, options?: WatchOptions): AsyncIterableIterator<BookState>;
  /** Follows the own orders that have not ended, the newest first, at most 100. */
  watchOrders(options?: WatchOptions): AsyncIterableIterator<readonly Order[]>;
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
    watchOrders: (options) =>
      healing<readonly Order[]>(
        client,
        {
          topic: ownTopic,
          async read() {
            const page = { limit: ordersMax, openOnly: true };
            const outcome = await client.send(GetOrdersSchema, undefined, page, unordered);
            return readOf(outcome, ({ orders }) => orders);
          },
          // It does not say what a new order is; one that is known may be read newer than the event.
          apply: (_, { type }) => (type === orderChanged ? "hole" : "old"),
          seqOf: () => 0n,
        },
        options,
      ),
  };
}

const bookChanged = typeOfEvent(BookChangedSchema);
const orderChanged = typeOfEvent(OrderChangedSchema);
