import { create, type Message } from "@bufbuild/protobuf";
import type { CommandOutcome } from "@hexhold/domain";
import {
  type BookView,
  type Candles,
  GetBookSchema,
  GetCandlesSchema,
  GetOrdersSchema,
  GetTradesSchema,
  type Orders,
  OrderState,
  Side,
  Span,
  type Trades,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { uuidText } from "@hexhold/messaging";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { cancel, halt, held, place, placedId, refusedHold, said } from "../../test/commands.ts";
import {
  commandOf,
  type MarketDatabase,
  newAccount,
  openMarketDatabase,
  type TestMarket,
} from "../../test/market-database.ts";

let database: MarketDatabase;
let market: TestMarket;

beforeAll(async () => {
  database = await openMarketDatabase();
});
afterAll(async () => database.close());
beforeEach(async () => {
  await database.admin.query(
    `TRUNCATE market."order", market.trade, market.candle, market.outbox, market.due`,
  );
  database.nowMs += 3_600_000;
  market = database.open();
});

async function ask<T extends Message>(message: Message, account?: string): Promise<T> {
  const [outcome] = await market.run(commandOf(message, account));
  if (outcome?.kind !== "applied") throw new Error(said(outcome));
  return outcome.result as T;
}

/** Placed and granted, a millisecond after the one before. */
async function open(fields: Parameters<typeof place>[0]): Promise<string> {
  database.nowMs += 1;
  const id = placedId((await market.run(place(fields)))[0]);
  await market.run(held(id, fields.book));
  return id;
}

test("a book is its best levels, each with its units and orders, and the newest price", async () => {
  const sell = (price: bigint, quantity: bigint) =>
    open({ account: newAccount(), side: "sell", price, quantity });
  const buy = (price: bigint, quantity: bigint) =>
    open({ account: newAccount(), side: "buy", price, quantity });
  for (const [price, quantity] of [
    [12n, 3n],
    [11n, 5n],
    [12n, 4n],
    [14n, 1n],
  ] as const)
    await sell(price, quantity);
  for (const [price, quantity] of [
    [9n, 2n],
    [10n, 6n],
    [9n, 1n],
    [7n, 1n],
  ] as const)
    await buy(price, quantity);
  // Seen by nobody.
  await market.run(place({ account: newAccount(), side: "buy", price: 10n }));
  await buy(11n, 2n);
  const view = await ask<BookView>(create(GetBookSchema, { book: "wood" }));
  const level = (price: bigint, quantity: bigint, orders: number) => ({ price, quantity, orders });
  expect(view).toMatchObject({
    book: "wood",
    asks: [level(11n, 3n, 1), level(12n, 7n, 2), level(14n, 1n, 1)],
    bids: [level(10n, 6n, 1), level(9n, 3n, 2), level(7n, 1n, 1)],
    lastPrice: 11n,
    halted: false,
  });
  const two = await ask<BookView>(create(GetBookSchema, { book: "wood", levels: 2 }));
  expect([two.asks, two.bids]).toEqual([view.asks.slice(0, 2), view.bids.slice(0, 2)]);
  await market.run(halt(true));
  const halted = await ask<BookView>(create(GetBookSchema, { book: "wood" }));
  expect(halted).toMatchObject({ halted: true, version: view.version + 1n });
  await market.run(halt(false));
  expect(await ask<BookView>(create(GetBookSchema, { book: "food" }))).toMatchObject({
    asks: [],
    bids: [],
    lastPrice: 0n,
    version: 0n,
  });
});

test("trades are the newest first, and say nothing of whose they are", async () => {
  await open({ account: newAccount(), side: "sell", price: 10n, quantity: 2n });
  await open({ account: newAccount(), side: "buy", price: 12n, quantity: 3n });
  const atMs = BigInt(database.nowMs);
  await open({ account: newAccount(), side: "sell", price: 11n, quantity: 1n });
  const { trades } = await ask<Trades>(create(GetTradesSchema, { book: "wood" }));
  expect(trades).toEqual(
    [
      { price: 12n, quantity: 1n, takerSide: Side.SELL, atMs: atMs + 1n },
      { price: 10n, quantity: 2n, takerSide: Side.BUY, atMs },
    ].map((fields) => expect.objectContaining(fields) as unknown),
  );
  expect(Object.keys(trades[0]!).toSorted()).toEqual([
    "$typeName",
    "atMs",
    "price",
    "quantity",
    "takerSide",
  ]);
  const one = await ask<Trades>(create(GetTradesSchema, { book: "wood", limit: 1 }));
  expect(one.trades).toEqual(trades.slice(0, 1));
});

test("candles are the newest first, and spans without a trade are left out", async () => {
  database.nowMs = Math.ceil(database.nowMs / 3_600_000) * 3_600_000;
  const startMs = database.nowMs;
  for (const [price, minutes] of [
    [10n, 0],
    [12n, 1],
    [11n, 5],
  ] as const) {
    database.nowMs = startMs + minutes * 60_000;
    await open({ account: newAccount(), side: "sell", price, quantity: 2n });
    await open({ account: newAccount(), side: "buy", price, quantity: 2n });
  }
  const candles = async (span: Span, limit = 0) =>
    (await ask<Candles>(create(GetCandlesSchema, { book: "wood", span, limit }))).candles.map(
      ({ atMs, open: first, high, low, close, volume }) =>
        [Number(atMs) - startMs, first, high, low, close, volume].join(),
    );
  expect(await candles(Span.MINUTE)).toEqual([
    "300000,11,11,11,11,2",
    "60000,12,12,12,12,2",
    "0,10,10,10,10,2",
  ]);
  expect(await candles(Span.MINUTE, 2)).toHaveLength(2);
  expect(await candles(Span.HOUR)).toEqual(["0,10,12,10,11,6"]);
  expect(await candles(Span.DAY)).toHaveLength(1);
});

test("orders are the account's own, page by page, with what became of them", async () => {
  const account = newAccount();
  const filled = await open({ account, side: "sell", price: 10n, quantity: 2n });
  const part = await open({ account, side: "sell", price: 13n, quantity: 4n });
  await open({ account: newAccount(), side: "buy", price: 13n, quantity: 3n });
  database.nowMs += 2_000;
  const gone = await open({ account, side: "sell", price: 20n });
  await market.run(cancel(gone, account));
  database.nowMs += 2_000;
  const marked = placedId(
    (await market.run(place({ account, side: "buy", price: 1n, book: "stone" })))[0],
  );
  await market.run(cancel(marked, account, "stone"));
  database.nowMs += 2_000;
  const rejected = placedId((await market.run(place({ account, side: "buy", price: 1n })))[0]);
  await market.run(refusedHold(rejected, "insufficient-coin"));
  const { orders, nextBefore } = await ask<Orders>(create(GetOrdersSchema, {}), account);
  expect(nextBefore).toEqual(new Uint8Array(0));
  expect(orders.map(({ orderId }) => uuidText(orderId))).toEqual([
    rejected,
    marked,
    gone,
    part,
    filled,
  ]);
  expect(orders).toMatchObject([
    { state: OrderState.REJECTED, endedReason: "insufficient-coin", wantEnd: false },
    { state: OrderState.RESERVING, book: "stone", wantEnd: true, endedReason: "", side: Side.BUY },
    { state: OrderState.CANCELLED, endedReason: "cancelled", open: 0n, filled: 0n },
    { state: OrderState.OPEN, open: 3n, filled: 1n, averagePrice: 13n, version: 3n },
    { state: OrderState.FILLED, open: 0n, filled: 2n, averagePrice: 10n, endedReason: "" },
  ]);
  const first = await ask<Orders>(create(GetOrdersSchema, { limit: 2 }), account);
  expect(first.orders).toEqual(orders.slice(0, 2));
  const rest = await ask<Orders>(create(GetOrdersSchema, { before: first.nextBefore }), account);
  expect([rest.orders, rest.nextBefore]).toEqual([orders.slice(2), new Uint8Array(0)]);
  const live = await ask<Orders>(create(GetOrdersSchema, { openOnly: true }), account);
  expect(live.orders.map(({ orderId }) => uuidText(orderId))).toEqual([marked, part]);
  expect((await ask<Orders>(create(GetOrdersSchema, {}), newAccount())).orders).toEqual([]);
  // A week later what has ended is not shown.
  database.nowMs += 7 * 86_400_000 + 1;
  const later = await ask<Orders>(create(GetOrdersSchema, {}), account);
  expect(later.orders).toEqual(live.orders);
});

test("a read of a book that does not exist is refused", async () => {
  const book = "no-such";
  const asked: readonly Message[] = [
    create(GetBookSchema, { book }),
    create(GetTradesSchema, { book }),
    create(GetCandlesSchema, { book, span: Span.DAY }),
  ];
  const outcomes: CommandOutcome[] = await market.run(
    ...asked.map((message) => commandOf(message)),
  );
  expect(outcomes.map(said)).toEqual(Array.from({ length: 3 }, () => "no-such-book"));
});

test("a read waits for no book", async () => {
  const client = await database.admin.connect();
  try {
    await client.query("BEGIN; SELECT 1 FROM market.book FOR UPDATE");
    const view = await ask<BookView>(create(GetBookSchema, { book: "wood" }));
    expect(view.book).toBe("wood");
  } finally {
    await client.query("ROLLBACK");
    client.release();
  }
});
