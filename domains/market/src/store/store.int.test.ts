/** The second line: what `market.store` refuses, what the service's role may not do, and how books are locked. */
import { setTimeout as pause } from "node:timers/promises";
import { inTransaction } from "@hexhold/domain";
import { uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { withConnection } from "@hexhold/postgres";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { held, place, placedId } from "../../test/commands.ts";
import {
  type MarketDatabase,
  newAccount,
  openMarketDatabase,
  type TestMarket,
} from "../../test/market-database.ts";
import type { Order } from "../rules/order.ts";
import { endedOrder, filledOrder, reservingOrder } from "../rules/order.ts";
import { loadOrders, lockBooks } from "./lock-books.ts";
import {
  type NewTrade,
  type StepMessage,
  type StoredChanges,
  storeChanges,
} from "./store-changes.ts";

let database: MarketDatabase;
let market: TestMarket;

beforeAll(async () => {
  database = await openMarketDatabase();
});
afterAll(async () => database.close());
beforeEach(async () => {
  await database.admin.query(`TRUNCATE market."order", market.trade, market.outbox, market.due`);
  market = database.open();
});

const newId = (): string => uuidText(uuidv7Bytes());
const stepOf = (about: string): StepMessage => ({
  about,
  subject: "somebody",
  envelope: new Uint8Array([1, 2, ...uuidBytes(about), 3]),
});

/** Two orders of `wood` with escrow that cross if both were there: a sale of 5 at 10 that rests, and what buys 3 of it. */
async function pair(): Promise<{ readonly sell: Order; readonly buy: Order }> {
  database.nowMs += 1_000;
  const outcomes = await market.run(
    place({ account: newAccount(), side: "sell" }),
    place({ account: newAccount(), side: "buy", price: 9n, quantity: 3n }),
  );
  const [sell, buy] = outcomes.map(placedId) as [string, string];
  await market.run(held(sell), held(buy));
  const live = await inTransaction(database.pool, (transaction) => loadOrders(transaction, "wood"));
  const find = (id: string): Order => live.find((order) => order.id === id)!;
  // A limit that lets them meet, by hand: the matcher would not have left them.
  await database.admin.query(`UPDATE market."order" SET price = 10 WHERE order_id = $1`, [buy]);
  return { sell: find(sell), buy: { ...find(buy), price: 10n } };
}

/** A trade of both that is right in everything. */
async function rightTrade() {
  const { sell, buy } = await pair();
  const id = newId();
  const trade: NewTrade = {
    id,
    book: "wood",
    buy: buy.id,
    sell: sell.id,
    price: 10n,
    quantity: 3n,
    buyLimit: 10n,
    takerSide: "buy",
    tax: 0n,
  };
  const changed = [filledOrder(sell, 3n, 10n), filledOrder(buy, 3n, 10n)].map((order) => ({
    order,
    releaseId: undefined,
  }));
  return { sell, buy, trade, parts: { changed, trades: [trade], steps: [stepOf(id)] } };
}

/** Stores what is given on `wood`; what it was refused for, or `stored`. */
async function stored(parts: Partial<StoredChanges>, isLocked = true): Promise<string> {
  return inTransaction(database.pool, async (transaction) => {
    const [book] = await lockBooks(transaction, ["wood"]);
    await storeChanges(transaction, {
      books: isLocked ? [book!] : [],
      placed: [],
      changed: [],
      trades: [],
      steps: [],
      atMs: database.nowMs,
      askMs: 5_000,
      ...parts,
    });
  }).then(
    () => "stored",
    (error: { code: string; constraint: string }) => `${error.code} ${error.constraint}`,
  );
}

const newOrder = (fields: Partial<Order> = {}): Order => ({
  ...reservingOrder({
    id: newId(),
    account: newAccount(),
    side: "buy",
    price: 10n,
    quantity: 5n,
    isImmediate: false,
    placedMs: database.nowMs,
    expiresMs: database.nowMs + 60_000,
  }),
  ...fields,
});

test("a trade with its orders and its message is stored, and the version rises by one: the control", async () => {
  const before = await database.rows<{ version: string }>(
    "SELECT version FROM market.book WHERE book = 'wood'",
  );
  const { parts, trade } = await rightTrade();
  expect(await stored(parts)).toBe("stored");
  const after = await database.rows<{ version: string }>(
    "SELECT version FROM market.book WHERE book = 'wood'",
  );
  // Placed, granted, traded.
  expect(Number(after[0]!.version) - Number(before[0]!.version)).toBe(3);
  expect(
    await database.rows("SELECT 1 FROM market.trade WHERE trade_id = $1", [trade.id]),
  ).toHaveLength(1);
});

test("a book at another version than the one that was decided on is not written", async () => {
  const [book] = await inTransaction(database.pool, (transaction) =>
    lockBooks(transaction, ["wood"]),
  );
  for (const version of [book!.version - 1n, book!.version + 1n]) {
    expect(await stored({ books: [{ ...book!, version }] })).toBe("23514 book_version");
  }
  expect(await stored({ books: [{ ...book!, name: "no-such" }] })).toBe("23514 book_version");
  expect(await stored({ books: [{ ...book!, seq: book!.seq - 1n }] })).toBe("23514 book_version");
  expect(await stored({ books: [book!] })).toBe("stored");
});

test("fills above what is open, or that are not the sum of the trades, are refused", async () => {
  const { parts, sell, buy, trade } = await rightTrade();
  const both = (sold: Order, bought: Order, quantity: bigint) => ({
    ...parts,
    changed: [sold, bought].map((order) => ({ order, releaseId: undefined })),
    trades: [{ ...trade, quantity }],
  });
  // Four of an order of three.
  const four = both(
    filledOrder(sell, 4n, 10n),
    { ...filledOrder(buy, 3n, 10n), filled: 4n, paid: 40n, open: 0n },
    4n,
  );
  expect(await stored(four)).toBe("23514 order_filled");
  const below = both(
    filledOrder(sell, 4n, 10n),
    { ...filledOrder(buy, 4n, 10n), open: -1n, state: "open" },
    4n,
  );
  expect(await stored(below)).toMatch(/^23514 order_/);
  const fills = "23514 order_fills";
  expect(await stored(both(filledOrder(sell, 2n, 10n), filledOrder(buy, 3n, 10n), 3n))).toBe(fills);
  expect(
    await stored(both({ ...filledOrder(sell, 3n, 10n), paid: 29n }, filledOrder(buy, 3n, 10n), 3n)),
  ).toBe(fills);
  // Filled, and no trade says by whom.
  expect(await stored({ changed: parts.changed.slice(0, 1) })).toBe(fills);
  expect(await stored(parts)).toBe("stored");
});

test("a trade without one of its orders is refused, whichever it is", async () => {
  const { parts, trade } = await rightTrade();
  expect(await stored({ ...parts, changed: parts.changed.slice(0, 1) })).toBe("23514 order_fills");
  expect(await stored({ ...parts, changed: parts.changed.slice(1) })).toBe("23514 order_fills");
  expect(await stored({ ...parts, changed: [] })).toBe("23514 order_fills");
  expect(await stored({ ...parts, trades: [{ ...trade, buy: newId() }] })).toBe(
    "23514 order_fills",
  );
  const [sold, bought] = [parts.changed[0]!, parts.changed[1]!];
  // Its orders the wrong way round, of another book, above a limit, of one account.
  const swapped = { ...trade, buy: sold.order.id, sell: bought.order.id };
  expect(await stored({ ...parts, trades: [swapped] })).toBe("23514 trade_orders");
  expect(await stored({ ...parts, trades: [{ ...trade, book: "stone" }] })).toBe(
    "23514 trade_orders",
  );
  const dear = [sold, bought].map(({ order }) => ({
    order: { ...order, paid: 33n },
    releaseId: undefined,
  }));
  const above = { ...trade, price: 11n, buyLimit: 11n };
  expect(await stored({ ...parts, changed: dear, trades: [above] })).toBe("23514 trade_orders");
  await database.admin.query(
    `UPDATE market."order" SET account_id = (SELECT account_id FROM market."order" WHERE order_id = $1) WHERE order_id = $2`,
    [sold.order.id, bought.order.id],
  );
  expect(await stored(parts)).toBe("23514 trade_orders");
});

test("a trade, a release or a new order without its one message is refused", async () => {
  const rows = "23514 outbox_rows";
  const { parts, trade, buy } = await rightTrade();
  expect(await stored({ ...parts, steps: [] })).toBe(rows);
  expect(await stored({ ...parts, steps: [stepOf(newId())] })).toBe(rows);
  expect(await stored({ ...parts, steps: [stepOf(trade.id), stepOf(trade.id)] })).toBe(rows);
  expect(await stored({ ...parts, steps: [stepOf(trade.id), stepOf(newId())] })).toBe(rows);
  // One that is about something else, whatever it is filed under.
  expect(await stored({ ...parts, steps: [{ ...stepOf(newId()), about: trade.id }] })).toBe(rows);
  const releaseId = newId();
  const ended = { order: endedOrder(buy, 3n, "cancelled"), releaseId };
  expect(await stored({ changed: [ended] })).toBe(rows);
  expect(await stored({ changed: [{ ...ended, releaseId: undefined }] })).toBe(
    "23514 order_release",
  );
  expect(await stored({ changed: [ended], steps: [stepOf(releaseId)] })).toBe("stored");
  const order = newOrder();
  const placed = [{ book: "wood", order, fee: 1n }];
  expect(await stored({ placed })).toBe(rows);
  expect(await stored({ placed, steps: [stepOf(order.id)] })).toBe("stored");
});

test("orders of books that are not locked, orders that have ended and older states of orders are not written", async () => {
  const { buy, sell } = await pair();
  const releaseId = newId();
  const ended = { order: endedOrder(buy, 3n, "cancelled"), releaseId };
  const order = newOrder();
  const step = { placed: [{ book: "stone", order, fee: 1n }], steps: [stepOf(order.id)] };
  expect(await stored(step)).toBe("23514 order_book");
  expect(await stored({ changed: [ended], steps: [stepOf(releaseId)] }, false)).toBe(
    "23514 order_live",
  );
  expect(await stored({ changed: [ended], steps: [stepOf(releaseId)] })).toBe("stored");
  const again = { ...ended, releaseId: newId() };
  expect(await stored({ changed: [again], steps: [stepOf(again.releaseId)] })).toBe(
    "23514 order_live",
  );
  expect(await stored({ changed: [{ order: sell, releaseId: undefined }] })).toBe(
    "23514 order_live",
  );
});

test("the service's role writes by functions, and sees no other schema", async () => {
  for (const text of [
    `UPDATE market."order" SET open = open + 1`,
    `INSERT INTO market."order" SELECT * FROM market."order" LIMIT 1`,
    `DELETE FROM market."order"`,
    "UPDATE market.trade SET price = 1",
    "DELETE FROM market.trade",
    "INSERT INTO market.trade SELECT * FROM market.trade LIMIT 1",
    "UPDATE market.candle SET volume = 1",
    "DELETE FROM market.candle",
    "INSERT INTO market.book (book) VALUES ('gold')",
    "UPDATE market.book SET version = 0",
    "DELETE FROM market.book",
    "SELECT 1 FROM market.book FOR UPDATE",
    "UPDATE market.result SET answer = ''",
    "DELETE FROM market.result",
    "DELETE FROM market.inbox",
    "UPDATE market.inbox SET received_at = now()",
    "UPDATE market.outbox SET subject = ''",
    "TRUNCATE market.trade",
    "SELECT 1 FROM inventory.balance",
    "SELECT 1 FROM world.journal",
    "SELECT 1 FROM control.dead_letter",
  ]) {
    const refused = database.pool.query(text).then(
      () => `${text}: allowed`,
      (error: { code: string }) => error.code,
    );
    expect([text, await refused]).toEqual([text, "42501"]);
  }
  // The control: what it may do.
  await database.pool.query(
    `SELECT 1 FROM market.book, market."order", market.trade, market.candle LIMIT 1`,
  );
  await database.pool.query("UPDATE market.inbox SET lettered = true");
  await database.pool.query("DELETE FROM market.outbox");
});

test("books are locked in one order, whatever order they are named in: two transactions never wait for each other", async () => {
  const names = ["food", "stone", "wood"];
  const both = Array.from({ length: 40 }, (_, n) =>
    inTransaction(database.pool, async (transaction) => {
      const locked = await lockBooks(transaction, n % 2 === 0 ? names : names.toReversed());
      await pause(2);
      return locked.map(({ name }) => name);
    }),
  );
  expect(await Promise.all(both)).toEqual(Array.from({ length: 40 }, () => names));
  // The control: one after the other in opposite orders is a deadlock, which PostgreSQL ends.
  const crossed = [names, names.toReversed()].map((order) =>
    inTransaction(database.pool, async (transaction) => {
      for (const name of order) {
        await lockBooks(transaction, [name]);
        await pause(50);
      }
    }),
  );
  const ends = await Promise.allSettled(crossed);
  expect(ends.filter(({ status }) => status === "rejected")).toHaveLength(1);
});

test("a book that is held by somebody else is waited for two seconds, not for ever", async () => {
  const held = Promise.withResolvers<void>();
  const holding = inTransaction(database.pool, async (transaction) => {
    await lockBooks(transaction, ["wood"]);
    await held.promise;
  });
  await pause(100);
  const startedMs = performance.now();
  const waiting = inTransaction(database.pool, (transaction) => lockBooks(transaction, ["wood"]));
  await expect(waiting).rejects.toMatchObject({ code: "55P03" });
  expect(performance.now() - startedMs).toBeGreaterThan(1_900);
  held.resolve();
  await holding;
});

test("a transaction with a book in hand does not wait for a timer that another one has in hand", async () => {
  const account = newAccount();
  database.nowMs += 1_000;
  const [placed] = await market.run(place({ account, side: "sell", lifetimeS: 60 }));
  const id = placedId(placed);
  const isTaken = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const timer = inTransaction(database.pool, async (transaction) => {
    await transaction.query({ text: "DELETE FROM market.due WHERE id = $1", values: [id] });
    isTaken.resolve();
    await goOn.promise;
    // As the timer's handler does: the book behind the timer.
    await lockBooks(transaction, ["wood"]);
  });
  await isTaken.promise;
  const granted = market.run(held(id));
  expect(await granted).toMatchObject([{ kind: "applied" }]);
  goOn.resolve();
  await timer;
});

test("trades and orders without one are deleted when they are old by two clocks, and what is younger stays", async () => {
  const prune = async (days: number, ms: number): Promise<number> => {
    const { rows } = await database.pool.query<{ gone: string }>(
      "SELECT market.prune_history($1, 1000, $2)::text AS gone",
      [days, ms],
    );
    return Number(rows[0]!.gone);
  };
  const { parts } = await rightTrade();
  await stored(parts);
  const { buy } = await pair();
  const releaseId = newId();
  await stored({
    changed: [{ order: endedOrder(buy, 3n, "cancelled"), releaseId }],
    steps: [stepOf(releaseId)],
  });
  const dayMs = 86_400_000;
  const years = Date.now() + 3_650 * dayMs;
  expect(await prune(90, years)).toBe(0);
  const old = `now() - interval '91 days'`;
  await database.admin.query(
    `UPDATE market.trade SET at = ${old}; UPDATE market."order" SET ended_at = ${old} WHERE state >= 3`,
  );
  expect(await prune(90, Date.now() - 2 * dayMs)).toBe(0);
  expect(await prune(92, Date.now())).toBe(0);
  // The trade, and the order that ended without one: filled ones stay, and so do those that are live.
  expect(await prune(90, Date.now())).toBe(2);
  const left = await database.rows<{ state: number }>(
    `SELECT state FROM market."order" ORDER BY state`,
  );
  expect(left.map(({ state }) => state)).toEqual([2, 2, 3]);
  await expect(prune(30, Date.now())).rejects.toThrow("31 days");
});

test("plans that were made while the market was empty still find orders by their keys when it is not", async () => {
  const own = await openMarketDatabase();
  try {
    const busy = own.open();
    for (let n = 0; n < 30; n++) {
      own.nowMs += 1_000;
      const outcomes = await busy.run(
        ...Array.from({ length: 64 }, (_, i) =>
          place({
            account: newAccount(),
            side: i % 2 === 0 ? "sell" : "buy",
            price: BigInt(i % 3) + 10n,
          }),
        ),
      );
      await busy.run(...outcomes.map(placedId).map((id) => held(id)));
    }
    /** How often something was looked up, and how many rows that took, by table and whichever way. */
    const looked = async () => {
      // Statistics come some seconds late.
      await pause(1_500);
      await busy.run(place({ account: newAccount(), side: "sell", price: 999n }));
      const rows = await own.rows<{ scans: string; read: string }>(
        `SELECT sum(seq_scan + idx_scan) AS scans, sum(seq_tup_read + idx_tup_fetch) AS read FROM pg_stat_user_tables
         WHERE schemaname = 'market' AND relname IN ('order', 'due')`,
      );
      return { scans: Number(rows[0]!.scans), read: Number(rows[0]!.read) };
    };
    await looked();
    const before = await looked();
    expect(before.scans).toBeGreaterThan(2_000);
    expect(before.read).toBeLessThan(1.1 * before.scans);
    // The control: a table that is read whole is told from rows that are looked up.
    await withConnection({ url: own.url, applicationName: "test" }, (client) =>
      client.query(`SELECT count(*) FROM market."order" WHERE paid = 77`),
    );
    const after = await looked();
    expect(after.read).toBeGreaterThan(before.read + 1_500);
  } finally {
    await own.close();
  }
});

test("an order that meets a thousand is stored in a fraction of what a statement may take", async () => {
  const own = await openMarketDatabase();
  try {
    const busy = own.open();
    for (let n = 0; n < 24; n++) {
      const outcomes = await busy.run(
        ...Array.from({ length: 250 }, () =>
          place({ account: newAccount(), side: "sell", quantity: 1n }),
        ),
      );
      await busy.run(...outcomes.map(placedId).map((id) => held(id)));
    }
    const [placed] = await busy.run(
      place({ account: newAccount(), side: "buy", quantity: 2_000n }),
    );
    const startedMs = performance.now();
    await busy.run(held(placedId(placed)));
    // 100 ms on an idle machine; 4,000 ms end the statement.
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    const trades = await own.rows<{ n: string }>("SELECT count(*) AS n FROM market.trade");
    expect(trades).toEqual([{ n: "1000" }]);
  } finally {
    await own.close();
  }
});
