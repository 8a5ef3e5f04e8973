/** The matcher against a list that is scanned. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Random, randomOf } from "../../test/random.ts";
import { ReferenceBook, type ReferenceOrder } from "../../test/reference-book.ts";
import { OrderBook } from "../book/order-book.ts";
import { type BookCommand, decide } from "./decide.ts";
import type { Trade } from "./decision.ts";
import type { Order, PlacedOrder } from "./order.ts";

const books = 1_050;
const ordersOfBook = 100;
/** Small, so that it is reached. */
const limits = { ordersPerBookMax: 20, restingMax: 60, tradesPerCommandMax: 6 };

interface Counts {
  orders: number;
  trades: number;
  readonly reasons: Set<string>;
}

/** As `expect`, for what is compared a million times. */
function expectSame<T>(seen: T, believed: T, what: string): void {
  if (seen !== believed) throw new Error(`${what}: ${String(seen)}, not ${String(believed)}`);
}

/** One order as the two say it. */
const seen = (order: Order) =>
  [
    order.state,
    order.seq,
    order.open,
    order.filled,
    order.ended,
    order.paid,
    order.endedReason,
  ].join();
const believed = (order: ReferenceOrder) =>
  [order.state, order.seq, order.open, order.filled, order.ended, order.paid, order.reason].join();

function placed(random: Random, id: string, nowMs: number): PlacedOrder {
  return {
    id,
    account: `a${random.below(12)}`,
    side: random.oneOf(["buy", "sell"]),
    // Few prices, so that many are equal; some at the limits.
    price: random.chance(3)
      ? random.oneOf([1n, 1_000_000_000n])
      : BigInt(90 + random.below(20)) * 10n,
    quantity: random.chance(3) ? 1_000n : BigInt(1 + random.below(30)),
    isImmediate: random.chance(15),
    placedMs: nowMs,
    expiresMs: nowMs + 20 + random.below(400),
  };
}

function playBook(random: Random, counts: Counts): void {
  const book = new OrderBook();
  const reference = new ReferenceBook(limits.tradesPerCommandMax);
  const trades: Trade[] = [];
  const stored = new Map<string, Order>();
  let batch = new Map<string, Order>();
  let batchTrades = 0;
  let left = 1 + random.below(256);
  let nowMs = 0;

  /** As a batch is stored: what has changed, with the sums that the database checks. */
  function endBatch(): void {
    const fills = new Map<string, bigint>();
    for (const { buy, sell, quantity } of trades.slice(batchTrades)) {
      for (const id of [buy, sell]) fills.set(id, (fills.get(id) ?? 0n) + quantity);
    }
    for (const [id, order] of batch) {
      const before = stored.get(id)?.filled ?? 0n;
      expectSame(order.filled - before, fills.get(id) ?? 0n, "fills of a batch");
      fills.delete(id);
      if (order.state !== "reserving") {
        expectSame(order.open + order.filled + order.ended, order.quantity, "units");
      }
      stored.set(id, order);
    }
    expectSame(fills.size, 0, "trades without an order");
    batch = new Map();
    batchTrades = trades.length;
    left = 1 + random.below(256);
  }

  function run(command: BookCommand): boolean {
    const outcome = decide(book, command, limits);
    if (--left === 0) endBatch();
    if (outcome.kind === "refused") return false;
    book.apply(outcome);
    trades.push(...outcome.trades);
    for (const order of outcome.orders) {
      batch.set(order.id, order);
      if (order.endedReason !== "") counts.reasons.add(order.endedReason);
    }
    return true;
  }

  for (let n = 0; n < ordersOfBook;) {
    nowMs += random.below(4);
    const known = reference.orders;
    const choice = random.below(100);
    if (choice < 48 || known.length === 0) {
      const order = placed(random, `o${n}`, nowMs);
      n++;
      const ofAccount = reference.live(order.account).length;
      const hasRoom =
        !reference.isHalted &&
        ofAccount < limits.ordersPerBookMax &&
        reference.live().length < limits.restingMax;
      expectSame(run({ kind: "place", order }), hasRoom, "placed");
      if (hasRoom) reference.place({ ...order, isBuy: order.side === "buy" });
    } else if (choice < 90) {
      const reserving = known.filter(({ state }) => state === "reserving");
      const { id } = random.oneOf(reserving.length > 0 && random.chance(95) ? reserving : known);
      if (random.chance(6)) {
        run({ kind: "reject", id, reason: "insufficient-coin" });
        reference.reject(id, "insufficient-coin");
      } else {
        run({ kind: "grant", id, nowMs });
        reference.grant(id, nowMs);
      }
    } else if (choice < 95) {
      const { id, account } = random.oneOf(known);
      run({ kind: "cancel", id, account, nowMs });
      reference.end(id, "cancelled");
    } else if (choice < 98) {
      const { id, expiresMs } = random.oneOf(known);
      run({ kind: "expire", id, nowMs });
      if (expiresMs <= nowMs) reference.end(id, "expired");
    } else if (random.chance(20)) {
      reference.isHalted = !reference.isHalted;
      book.isHalted = reference.isHalted;
    }
    expectSame(trades.length, reference.trades.length, "trades");
    expectSame(book.size, reference.live().length, "live orders");
  }
  endBatch();
  expect(trades.map(({ buy, sell, price, quantity }) => ({ buy, sell, price, quantity }))).toEqual(
    reference.trades,
  );
  expect(Object.fromEntries([...stored].map(([id, order]) => [id, seen(order)]))).toEqual(
    Object.fromEntries(reference.orders.map((order) => [order.id, believed(order)])),
  );
  counts.orders += ordersOfBook;
  counts.trades += trades.length;
}

it("trades as a list that is scanned would, order for order, after each command and in every batch", () => {
  const counts: Counts = { orders: 0, trades: 0, reasons: new Set() };
  fc.assert(
    fc.property(fc.integer(), (seed) => playBook(randomOf(seed), counts)),
    { numRuns: books, endOnFailure: true },
  );
  expect(counts.orders).toBeGreaterThanOrEqual(100_000);
  expect(counts.trades).toBeGreaterThan(20_000);
  const reasons = [
    "cancelled",
    "expired",
    "halted",
    "insufficient-coin",
    "not-filled",
    "self-trade",
    "too-long",
  ];
  expect([...counts.reasons].toSorted()).toEqual(reasons);
}, 60_000);

it("a book of 20,000 resting orders is swept, and cancelled in any order, in time", () => {
  const book = new OrderBook();
  const many = { ordersPerBookMax: 20, restingMax: 20_000, tradesPerCommandMax: 1_000 };
  const run = (command: BookCommand) => {
    const outcome = decide(book, command, many);
    if (outcome.kind === "decided") book.apply(outcome);
    return outcome;
  };
  const random = randomOf(7);
  const open = (id: string, fields: Partial<PlacedOrder>) => {
    const order = {
      ...placed(random, id, 0),
      account: id,
      isImmediate: false,
      expiresMs: 1e9,
      ...fields,
    };
    run({ kind: "place", order });
    return run({ kind: "grant", id, nowMs: 1 });
  };
  const startedMs = performance.now();
  for (let n = 0; n < 20_000; n++) {
    open(`s${n}`, { side: "sell", price: BigInt(100 + random.below(900)) * 1_000n, quantity: 1n });
  }
  expect(open("more", { side: "sell" })).toMatchObject({ reason: "not-live" });
  for (let n = 0; n < 5_000; n++) run({ kind: "cancel", id: `s${n}`, account: `s${n}`, nowMs: 1 });
  const swept = Array.from({ length: 14 }, (_, n) =>
    open(`b${n}`, { side: "buy", price: 1_000_000_000n, quantity: 1_000n }),
  );
  expect(swept.map((outcome) => outcome.kind === "decided" && outcome.trades.length)).toEqual(
    Array.from({ length: 14 }, () => 1_000),
  );
  expect(book.size).toBe(1_000);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});
