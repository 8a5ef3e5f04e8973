/** Tells players what a transaction of the market has done, once its commit was answered. */
import { create } from "@bufbuild/protobuf";
import type { TopicPublisher } from "@hexhold/domain";
import { OrderChangedSchema } from "@hexhold/gen/hexhold/market/v1/events_pb";
import { uuidBytes } from "@hexhold/messaging";
import type { OrderBook } from "../book/order-book.ts";
import type { Order } from "../rules/order.ts";
import type { NewTrade } from "../store/store-changes.ts";
import { stateNumbers } from "../store/order-rows.ts";
import type { BookFeed } from "./book-feed.ts";

export interface MarketFeed {
  readonly topics: Pick<TopicPublisher, "toPlayer">;
  readonly books: Pick<BookFeed, "changed">;
}

export interface MarketCommit {
  /** Books that were locked, by name. */
  readonly books: ReadonlyMap<
    string,
    {
      readonly book: OrderBook;
      readonly lockedVersion: bigint;
      readonly version: bigint;
      readonly isHaltSet: boolean;
    }
  >;
  /** Orders that are new or have changed, each once, as they are now. */
  readonly orders: readonly { readonly book: string; readonly order: Order }[];
  readonly trades: readonly NewTrade[];
  /** World time, Unix milliseconds. */
  readonly atMs: number;
}

export function tellCommit({ topics, books }: MarketFeed, commit: MarketCommit): void {
  for (const { book, order } of commit.orders) {
    const { id, account, version, state, open, filled, paid, endedReason } = order;
    topics.toPlayer({
      account,
      schema: OrderChangedSchema,
      message: create(OrderChangedSchema, {
        orderId: uuidBytes(id),
        book,
        version,
        state: stateNumbers[state],
        open,
        filled,
        averagePrice: filled === 0n ? 0n : paid / filled,
        endedReason,
      }),
    });
  }
  for (const [name, { book, lockedVersion, version, isHaltSet }] of commit.books) {
    if (version === lockedVersion) continue;
    // An order without a number was never in the book.
    const inBook = commit.orders.filter((one) => one.book === name && one.order.seq > 0n);
    books.changed({
      name,
      afterVersion: lockedVersion,
      version,
      levels: inBook.map(({ order: { side, price } }) => ({
        side,
        price,
        quantity: book.quantityAt(side, price),
      })),
      trades: commit.trades.filter((trade) => trade.book === name),
      isHalted: book.isHalted,
      isHaltSet,
      atMs: commit.atMs,
    });
  }
}
