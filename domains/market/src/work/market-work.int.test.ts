/** What one transaction does to books, orders and the outbox. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  askHold,
  cancel,
  endOrders,
  halt,
  held,
  place,
  placedId,
  refusedHold,
  said,
  stepText,
} from "../../test/commands.ts";
import {
  type MarketDatabase,
  newAccount,
  openMarketDatabase,
  startMs,
  type TestMarket,
} from "../../test/market-database.ts";
import { uuidBytes } from "@hexhold/messaging";

let database: MarketDatabase;
let market: TestMarket;
let buyer: string;
let seller: string;

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
  buyer = newAccount();
  seller = newAccount();
});

/** Orders as rows, in the order of `ids`. */
const orders = (...ids: readonly (string | undefined)[]) =>
  database.rows<Record<string, unknown>>(
    `SELECT state, open::int, filled::int, ended::int, ended_reason, want_end, version::int, release_id IS NOT NULL AS owed
     FROM market."order" WHERE order_id = ANY ($1) ORDER BY array_position($1, order_id)`,
    [ids],
  );
const bookRow = async (book = "wood") =>
  (
    await database.rows<{ version: number; seq: number; trades: number; last_price: number }>(
      "SELECT version::int, seq::int, trades::int, last_price::int FROM market.book WHERE book = $1",
      [book],
    )
  )[0]!;
const steps = async () => (await database.sent()).map(stepText);
const dueKinds = async () =>
  (await database.rows<{ kind: string }>("SELECT kind FROM market.due ORDER BY id, kind")).map(
    ({ kind }) => kind,
  );

/** Placed by one batch, granted by the next. */
async function open(...fields: Parameters<typeof place>[0][]): Promise<string[]> {
  const ids: string[] = [];
  for (const one of fields) {
    const [outcome] = await market.run(place(one));
    const id = placedId(outcome);
    await market.run(held(id, one.book));
    ids.push(id);
  }
  return ids;
}

test("placing keeps an order that is seen by nobody, asks for its escrow, and arms its timers", async () => {
  const before = await bookRow();
  const outcomes = await market.run(
    place({ account: buyer, side: "buy", price: 101n, quantity: 5n }),
    place({ account: seller, side: "sell", price: 100n, quantity: 3n, lifetimeS: 60 }),
  );
  const [buy, sell] = outcomes.map(placedId);
  expect(await orders(buy, sell)).toEqual([
    {
      state: 1,
      open: 0,
      filled: 0,
      ended: 0,
      ended_reason: "",
      want_end: "",
      version: 1,
      owed: false,
    },
    {
      state: 1,
      open: 0,
      filled: 0,
      ended: 0,
      ended_reason: "",
      want_end: "",
      version: 1,
      owed: false,
    },
  ]);
  expect(await steps()).toEqual([`hold ${buy} 505 coin, fee 6`, `hold ${sell} 3 wood, fee 3`]);
  const sent = await database.sent();
  expect(sent.map(({ subject }) => subject)).toEqual([buyer, seller]);
  expect(await bookRow()).toMatchObject({ version: before.version + 1, seq: before.seq });
  const due = await database.rows<{ kind: string; s: number }>(
    "SELECT kind, extract(epoch FROM due_at)::float8 - $1::float8 / 1000 AS s FROM market.due ORDER BY kind",
    [database.nowMs],
  );
  expect(due).toEqual([
    { kind: "ask", s: 5 },
    { kind: "ask", s: 5 },
    { kind: "expire", s: 60 },
    { kind: "expire", s: 259_200 },
  ]);
});

test("escrow of both in one batch: maker and taker of a trade are stored with it, and it is settled", async () => {
  const outcomes = await market.run(
    place({ account: seller, side: "sell", price: 100n, quantity: 3n }),
    place({ account: buyer, side: "buy", price: 110n, quantity: 5n }),
  );
  const [sell, buy] = outcomes.map(placedId) as [string, string];
  const before = await bookRow();
  await market.run(held(sell), held(buy));
  expect(await orders(sell, buy)).toMatchObject([
    { state: 3, open: 0, filled: 3, ended: 0 },
    { state: 2, open: 2, filled: 3, ended: 0 },
  ]);
  expect((await steps()).slice(2)).toEqual([`settle ${buy} < ${sell} 3@100, takes 330, tax 6`]);
  // The trade is about the taker's account.
  expect((await database.sent())[2]!.subject).toBe(buyer);
  expect(await bookRow()).toEqual({
    version: before.version + 1,
    seq: before.seq + 2,
    trades: before.trades + 1,
    last_price: 100,
  });
  const trades = await database.rows<Record<string, unknown>>(
    "SELECT quantity::int, price::int, buy_take::int, tax::int, taker_side FROM market.trade",
  );
  expect(trades).toEqual([{ quantity: 3, price: 100, buy_take: 330, tax: 6, taker_side: 1 }]);
  // The filled one's timers are gone, the other one's life goes on.
  expect(await dueKinds()).toEqual(["expire"]);
});

test("a cancel owes back what no trade has taken, and says the second time that it is over", async () => {
  const [sell] = await open(
    { account: seller, side: "sell", quantity: 5n },
    { account: buyer, side: "buy", quantity: 2n },
  );
  const [outcome] = await market.run(cancel(sell!, seller));
  expect(outcome).toMatchObject({ kind: "applied", result: { state: 4, left: 3n } });
  expect((await steps()).at(-1)).toBe(`release ${sell} 3`);
  expect((await orders(sell))[0]).toMatchObject({
    state: 4,
    filled: 2,
    ended: 3,
    ended_reason: "cancelled",
    owed: true,
  });
  expect((await market.run(cancel(sell!, seller))).map(said)).toEqual(["already-ended"]);
  // And in the batch of the end, and of a fresh instance.
  const [other] = await open({ account: seller, side: "sell", quantity: 5n });
  database.nowMs += 1_000;
  expect((await market.run(cancel(other!, seller), cancel(other!, seller))).map(said)).toEqual([
    "applied",
    "already-ended",
  ]);
  expect((await database.open().run(cancel(other!, seller))).map(said)).toEqual(["already-ended"]);
});

test("a cancel while escrow is asked for marks the order; escrow that comes then is owed back whole", async () => {
  const [placed] = await market.run(
    place({ account: buyer, side: "buy", price: 20n, quantity: 5n }),
  );
  const id = placedId(placed);
  await open({ account: seller, side: "sell", price: 10n });
  const [outcome] = await market.run(cancel(id, buyer));
  expect(outcome).toMatchObject({ kind: "applied", result: { state: 1, left: 5n } });
  expect((await orders(id))[0]).toMatchObject({ state: 1, want_end: "cancelled" });
  expect((await steps()).at(-1)).toBe(`cancel-hold ${id}`);
  // Once is enough.
  const asked = (await steps()).length;
  expect(await market.run(cancel(id, buyer))).toMatchObject([{ result: { state: 1 } }]);
  expect(await steps()).toHaveLength(asked);
  await market.run(held(id));
  expect((await steps()).at(-1)).toBe(`release ${id} 100`);
  expect((await orders(id))[0]).toMatchObject({
    state: 4,
    filled: 0,
    ended: 5,
    ended_reason: "cancelled",
  });
  expect(await database.rows("SELECT 1 FROM market.trade")).toEqual([]);
});

test("placed and cancelled in one batch: kept with its mark, and gone with a rollback", async () => {
  const id = newAccount();
  const fixed = database.open({}, undefined, () => uuidBytes(id));
  const fields = { account: buyer, side: "buy", quantity: 5n } as const;
  await fixed.rollBack(place(fields), cancel(id, buyer));
  expect(await orders(id)).toEqual([]);
  await fixed.run(place(fields), cancel(id, buyer));
  expect(await orders(id)).toMatchObject([{ state: 1, want_end: "cancelled", version: 2 }]);
  expect(await steps()).toEqual([`hold ${id} 50 coin, fee 1`, `cancel-hold ${id}`]);
});

test("a refused hold rejects its order, and owes nothing back", async () => {
  const [placed] = await market.run(place({ account: buyer, side: "buy" }));
  const id = placedId(placed);
  expect((await market.run(refusedHold(id))).map(said)).toEqual(["applied"]);
  expect(await orders(id)).toMatchObject([
    { state: 6, ended: 5, ended_reason: "insufficient-coin", owed: false },
  ]);
  expect(await steps()).toHaveLength(1);
  expect(await dueKinds()).toEqual([]);
});

test("an answer that comes again changes nothing, in the same batch, in the next and for another instance", async () => {
  const [placed] = await market.run(place({ account: seller, side: "sell" }));
  const id = placedId(placed);
  expect((await market.run(held(id), held(id))).map(said)).toEqual(["applied", "not-under-way"]);
  const before = [await orders(id), await steps(), await bookRow()];
  expect((await market.run(held(id), refusedHold(id))).map(said)).toEqual([
    "not-under-way",
    "not-under-way",
  ]);
  expect((await database.open().run(held(id))).map(said)).toEqual(["not-under-way"]);
  expect(
    (await market.run(held(newAccount()), held(id, "stone"), held(id, "no-such"))).map(said),
  ).toEqual(Array.from({ length: 3 }, () => "not-under-way"));
  expect([await orders(id), await steps(), await bookRow()]).toEqual(before);
});

test("no answer: the inventory is asked after 5 s, then 10, 20 …, and the order waits", async () => {
  const [placed] = await market.run(place({ account: buyer, side: "buy", lifetimeS: 1_209_600 }));
  const id = placedId(placed);
  const placedMs = database.nowMs;
  const askedAtS: number[] = [];
  for (; database.nowMs < placedMs + 1_000_000; database.nowMs += 1_000) {
    const before = (await steps()).length;
    if ((await market.timers("ask")) === 0) continue;
    askedAtS.push((database.nowMs - placedMs) / 1_000);
    expect((await steps()).slice(before)).toEqual([`cancel-hold ${id}`]);
  }
  expect(askedAtS).toEqual([5, 15, 35, 75, 155, 315, 615, 915]);
  expect(await orders(id)).toMatchObject([{ state: 1, want_end: "", version: 1 }]);
  // A late yes opens it all the same, and no question follows.
  await market.run(held(id));
  expect(await orders(id)).toMatchObject([{ state: 2, open: 5 }]);
  database.nowMs += 400_000;
  expect(await market.timers("ask")).toBe(0);
});

test("an order whose time is over leaves the book with what is owed back", async () => {
  const [sell] = await open(
    { account: seller, side: "sell", lifetimeS: 60 },
    { account: buyer, side: "buy", quantity: 1n },
  );
  database.nowMs += 59_999;
  expect(await market.timers("expire")).toBe(0);
  database.nowMs += 1;
  expect(await market.timers("expire")).toBe(1);
  expect((await orders(sell))[0]).toMatchObject({
    state: 5,
    filled: 1,
    ended: 4,
    ended_reason: "expired",
  });
  expect((await steps()).at(-1)).toBe(`release ${sell} 4`);
});

test("one whose time is over while escrow is asked for is marked, and ends when the answer comes", async () => {
  const outcomes = await market.run(
    place({ account: seller, side: "sell", lifetimeS: 60 }),
    place({ account: buyer, side: "buy", lifetimeS: 60 }),
  );
  const [sell, buy] = outcomes.map(placedId) as [string, string];
  database.nowMs += 60_000;
  expect(await market.timers("expire")).toBe(2);
  expect(await orders(sell, buy)).toMatchObject([
    { state: 1, want_end: "expired" },
    { state: 1, want_end: "expired" },
  ]);
  expect((await steps()).slice(2).toSorted()).toEqual(
    [`cancel-hold ${buy}`, `cancel-hold ${sell}`].toSorted(),
  );
  await market.run(held(sell), refusedHold(buy, "cancelled"));
  expect(await orders(sell, buy)).toMatchObject([
    { state: 5, ended: 5, ended_reason: "expired", owed: true },
    { state: 6, ended: 5, ended_reason: "cancelled", owed: false },
  ]);
  expect((await steps()).at(-1)).toBe(`release ${sell} 5`);
});

test("a halted book matches nothing, takes cancels, owes escrow back that comes, and wakes up uncrossed", async () => {
  const [sell] = await open({ account: seller, side: "sell", price: 10n, quantity: 2n });
  const [resting] = await open({ account: seller, side: "sell", price: 12n });
  const [crossing] = (
    await market.run(place({ account: buyer, side: "buy", price: 11n, quantity: 2n }))
  ).map(placedId);
  const before = await bookRow();
  await market.run(halt(true));
  expect((await bookRow()).version).toBe(before.version + 1);
  expect((await market.run(place({ account: buyer, side: "buy" }))).map(said)).toEqual(["halted"]);
  await market.run(held(crossing!));
  expect((await steps()).at(-1)).toBe(`release ${crossing} 22`);
  expect((await market.run(cancel(resting!, seller))).map(said)).toEqual(["applied"]);
  // Another instance knows of it.
  expect((await database.open().run(place({ account: buyer, side: "buy" }))).map(said)).toEqual([
    "halted",
  ]);
  await market.run(halt(false));
  expect(await database.rows("SELECT 1 FROM market.trade")).toEqual([]);
  const crossed = await database.rows(
    `SELECT 1 FROM market."order" AS b JOIN market."order" AS s USING (book)
     WHERE b.state = 2 AND s.state = 2 AND b.side = 1 AND s.side = 2 AND b.price >= s.price`,
  );
  expect(crossed).toEqual([]);
  // The control: matching goes on.
  const [late] = await open({ account: buyer, side: "buy", price: 10n, quantity: 2n });
  expect((await steps()).at(-1)).toContain(`settle ${late} < ${sell} 2@10`);
});

test("a halt in the batch of a grant is told from one before it", async () => {
  const [first, second] = (
    await market.run(
      place({ account: seller, side: "sell" }),
      place({ account: seller, side: "sell" }),
    )
  ).map(placedId) as [string, string];
  await market.run(held(first), halt(true), held(second), halt(false));
  expect(await orders(first, second)).toMatchObject([
    { state: 2 },
    { state: 4, ended_reason: "halted" },
  ]);
});

test("an operator ends all orders of an account in a book, and no others", async () => {
  const opened = await open(
    { account: seller, side: "sell" },
    { account: buyer, side: "buy", price: 1n },
    { account: seller, side: "sell", book: "stone" },
  );
  const [placed] = await market.run(place({ account: seller, side: "sell" }));
  const ids = [...opened, placedId(placed)];
  expect(await market.run(endOrders(seller))).toMatchObject([
    { kind: "applied", result: { ended: 2 } },
  ]);
  expect(await orders(...ids)).toMatchObject([
    { state: 4, ended_reason: "operator" },
    { state: 2 },
    { state: 2 },
    { state: 1, want_end: "operator" },
  ]);
  expect((await market.run(endOrders(seller, "no-such"), halt(true, "no-such"))).map(said)).toEqual(
    ["no-such-book", "no-such-book"],
  );
});

test("an operator has the inventory asked again, of an order that waits for it and of no other", async () => {
  const [opened] = await open({ account: seller, side: "sell" });
  const placed = placedId((await market.run(place({ account: seller, side: "sell" })))[0]);
  const before = await steps();
  expect((await market.run(askHold(placed))).map(said)).toEqual(["applied"]);
  expect((await steps()).slice(before.length)).toEqual([`cancel-hold ${placed}`]);
  const others = [askHold(opened!), askHold(placed, "stone"), askHold(newAccount())];
  expect((await market.run(...others)).map(said)).toEqual([
    "already-answered",
    "unknown-order",
    "unknown-order",
  ]);
  expect(await steps()).toHaveLength(before.length + 1);
  expect(await orders(placed)).toMatchObject([{ state: 1, want_end: "" }]);
});

test("another's order, and one that is looked for in another book, do not exist", async () => {
  const [sell] = await open({ account: seller, side: "sell" });
  const refused = await market.run(
    cancel(sell!, buyer),
    cancel(newAccount(), buyer),
    cancel(sell!, seller, "stone"),
    cancel(sell!, seller, "no-such"),
  );
  expect(refused.map(said)).toEqual(Array.from({ length: 4 }, () => "unknown-order"));
  // Nor when it was changed in the same transaction.
  database.nowMs += 1_000;
  const both = await market.run(
    cancel(sell!, seller),
    cancel(sell!, seller, "stone"),
    cancel(sell!, buyer),
  );
  expect(both.map(said)).toEqual(["applied", "unknown-order", "unknown-order"]);
  expect((await market.run(cancel(sell!, buyer))).map(said)).toEqual(["unknown-order"]);
});

test("placing is refused: no such book, off the tick, too large, and the 21st order of an account", async () => {
  const refused = await market.run(
    place({ account: buyer, side: "buy", book: "no-such" }),
    place({ account: buyer, side: "buy", price: 1_001n }),
    place({ account: buyer, side: "buy", price: 1_000_000_000n, quantity: 1_001n }),
    place({ account: buyer, side: "buy", price: 1_000_000_000n, quantity: 1_000n }),
  );
  expect(refused.map(said)).toEqual(["no-such-book", "off-tick", "too-large", "applied"]);
  for (let n = 1; n < 20; n++) {
    database.nowMs += 1_000;
    expect((await market.run(place({ account: buyer, side: "buy" }))).map(said)).toEqual([
      "applied",
    ]);
  }
  database.nowMs += 1_000;
  expect((await market.run(place({ account: buyer, side: "buy" }))).map(said)).toEqual([
    "too-many-orders",
  ]);
  expect((await database.open().run(place({ account: buyer, side: "buy" }))).map(said)).toEqual([
    "too-many-orders",
  ]);
  expect(
    (await market.run(place({ account: buyer, side: "buy", book: "stone" }))).map(said),
  ).toEqual(["applied"]);
});

test("five commands of an account in a second, in all books and for all instances, and the sixth a second later", async () => {
  const other = database.open();
  const six = Array.from({ length: 6 }, () => place({ account: buyer, side: "buy" }));
  expect((await market.run(...six.slice(0, 3))).map(said)).toEqual([
    "applied",
    "applied",
    "applied",
  ]);
  const [id] = await database.rows<{ order_id: string }>(
    `SELECT order_id FROM market."order" LIMIT 1`,
  );
  database.nowMs += 400;
  expect((await other.run(cancel(id!.order_id, buyer))).map(said)).toEqual(["applied"]);
  const stone = { account: buyer, side: "buy", book: "stone" } as const;
  expect((await other.run(place(stone), place(stone))).map(said)).toEqual(["applied", "too-fast"]);
  expect((await market.run(cancel(id!.order_id, buyer))).map(said)).toEqual(["too-fast"]);
  // Nobody else is held up.
  expect((await market.run(place({ account: seller, side: "sell" }))).map(said)).toEqual([
    "applied",
  ]);
  database.nowMs += 599;
  expect((await market.run(place(stone))).map(said)).toEqual(["too-fast"]);
  database.nowMs += 1;
  expect((await market.run(place(stone))).map(said)).toEqual(["applied"]);
});

test("an account places orders from its age on; the moment is in its id", async () => {
  const strict = database.open({ minAgeHours: 24 });
  const young = newAccount(database.nowMs - 86_400_000 + 1);
  const old = newAccount(database.nowMs - 86_400_000);
  const random = "3f0c1fb2-4f0e-4c6a-9a55-1d2e3f405162";
  const outcomes = await strict.run(
    ...[young, old, random].map((account) => place({ account, side: "buy" })),
  );
  expect(outcomes.map(said)).toEqual(["too-new", "applied", "too-new"]);
});

test("candles and the last price are those of the trades, in the commit that has them", async () => {
  database.nowMs = Math.ceil(database.nowMs / 86_400_000) * 86_400_000 + 59_000;
  await open(
    { account: seller, side: "sell", price: 10n, quantity: 1n },
    { account: seller, side: "sell", price: 12n, quantity: 4n },
  );
  await open({ account: buyer, side: "buy", price: 12n, quantity: 3n });
  database.nowMs += 1_000;
  await open(
    { account: seller, side: "sell", price: 9n, quantity: 1n },
    { account: buyer, side: "buy", price: 12n, quantity: 1n },
  );
  const candles = await database.rows<Record<string, unknown>>(
    "SELECT span, open::int, high::int, low::int, close::int, volume::int FROM market.candle ORDER BY span, at",
  );
  const first = { open: 10, high: 12, low: 10, close: 12, volume: 3 };
  const second = { open: 9, high: 9, low: 9, close: 9, volume: 1 };
  const both = { open: 10, high: 12, low: 9, close: 9, volume: 4 };
  expect(candles).toEqual([
    { span: 1, ...first },
    { span: 1, ...second },
    { span: 2, ...both },
    { span: 3, ...both },
  ]);
  expect(await bookRow()).toMatchObject({ last_price: 9 });
  expect(startMs).toBeLessThan(database.nowMs);
});
