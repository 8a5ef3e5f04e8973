/**
 * The market without what carries its messages: books in memory, `market.store` and commit, no broker and no protobuf. What the
 * service is measured against (`npm run bench -- --only market`).
 */
import { inTransactionWithWork } from "@hexhold/domain";
import { uuidBytes, uuidv7Bytes } from "@hexhold/messaging";
import { openPool, textArray } from "@hexhold/postgres";
import { createMetrics } from "@hexhold/telemetry";
import { BookCache } from "../src/book/book-cache.ts";
import { createMarketMetrics } from "../src/market-metrics.ts";
import type { PlacedOrder } from "../src/rules/order.ts";
import type { StepMessage } from "../src/store/store-changes.ts";
import { MarketWork } from "../src/work/market-work.ts";
import type { Steps } from "../src/work/steps.ts";

export type { PlacedOrder } from "../src/rules/order.ts";

export interface BareMarket {
  /** Places orders in a book, whose escrow is not there yet. One transaction. */
  place(book: string, orders: readonly PlacedOrder[]): Promise<void>;
  /** Their escrow is there: they are matched. One transaction. */
  grant(book: string, ids: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Messages that say no more than what they are about, which `store` looks for in them. */
const steps: Steps = {
  hold: (_book, { id, account }) => about(id, account),
  settle: ({ id }, taker) => about(id, taker),
  release: (releaseId, { account }) => about(releaseId, account),
  cancelHold: (_book, { id, account }) => ({ destination: "inventory", ...about(id, account) }),
};

function about(id: string, subject: string): StepMessage {
  return { about: id, subject, envelope: uuidBytes(id) };
}

/** @param url of a database with the schema `market`, as its role; `connections` transactions run at a time. */
export async function openBareMarket(
  url: string,
  books: readonly string[],
  connections: number,
): Promise<BareMarket> {
  const pool = openPool({ url, applicationName: "bare-market" }, connections);
  await pool.query("SELECT market.add_books($1)", [textArray(books)]);
  const shared = {
    cache: new BookCache(),
    outbox: {
      messageOf: () => {
        throw new TypeError("there are no messages here");
      },
      send: () => Promise.resolve(),
      hintAfter: () => undefined,
      onRows: () => undefined,
    },
    feed: { topics: { toPlayer: () => undefined }, books: { changed: () => undefined } },
    steps,
    rates: { listingFeePerMille: 10n, salesTaxPerMille: 20n },
    limits: { ordersPerBookMax: 1_000_000, restingMax: 1_000_000, tradesPerCommandMax: 1_000 },
    askMs: 5_000,
    worldNow: Date.now,
    newId: (nowMs: number) => uuidv7Bytes(nowMs),
    metrics: createMarketMetrics(createMetrics({ processMetrics: false }), () => Promise.resolve()),
  };
  const inBook = (book: string, decide: (work: MarketWork) => void): Promise<void> =>
    inTransactionWithWork(
      pool,
      () => new MarketWork(shared),
      async (transaction, work) => {
        await work.lock(transaction, [book]);
        decide(work);
      },
    );
  return {
    place: (book, orders) =>
      inBook(book, (work) => {
        for (const order of orders) work.decide(book, { kind: "place", order }, undefined);
      }),
    grant: (book, ids) =>
      inBook(book, (work) => {
        for (const id of ids) {
          work.decide(book, { kind: "grant", id, nowMs: work.nowMs }, undefined);
        }
      }),
    close: () => pool.end(),
  };
}
