import { describe, expect, it } from "vitest";
import { OrderBook } from "../book/order-book.ts";
import { type BookCommand, type BookLimits, decide, type Decided } from "./decide.ts";
import type { PlacedOrder, Side } from "./order.ts";

const limits: BookLimits = { ordersPerBookMax: 20, restingMax: 20_000, tradesPerCommandMax: 1000 };
const nowMs = 1_000;

function order(fields: Partial<PlacedOrder> & Pick<PlacedOrder, "id">): PlacedOrder {
  return {
    account: `of ${fields.id}`,
    side: "buy",
    price: 10n,
    quantity: 5n,
    isImmediate: false,
    placedMs: 0,
    expiresMs: 100_000,
    ...fields,
  };
}

/** A book and the commands that were given to it. */
function bookWith(given: Partial<BookLimits> = {}) {
  const book = new OrderBook();
  const run = (command: BookCommand): Decided => {
    const outcome = decide(book, command, { ...limits, ...given });
    if (outcome.kind === "decided") book.apply(outcome);
    return outcome;
  };
  const place = (fields: Parameters<typeof order>[0]) =>
    run({ kind: "place", order: order(fields) });
  const grant = (id: string, at = nowMs) => run({ kind: "grant", id, nowMs: at });
  /** Placed and granted. */
  const open = (fields: Parameters<typeof order>[0]): Decided => {
    place(fields);
    return grant(fields.id);
  };
  return { book, run, place, grant, open };
}

const ids = (book: OrderBook, side: Side): string[] => [...book.resting(side)].map(({ id }) => id);
const tradesOf = (outcome: Decided): string[] =>
  outcome.kind === "decided"
    ? outcome.trades.map(({ buy, sell, price, quantity }) => `${buy}<${sell} ${quantity}@${price}`)
    : [outcome.reason];
const endsOf = (outcome: Decided): string[] =>
  outcome.kind === "decided"
    ? outcome.ended.map(({ id, endedReason, ended }) => `${id} ${endedReason} ${ended}`)
    : [outcome.reason];

describe("matching", () => {
  it("takes the best price first and of a price the oldest, at the price of what rests", () => {
    const { open, book } = bookWith();
    open({ id: "s1", side: "sell", price: 12n });
    open({ id: "s2", side: "sell", price: 11n });
    open({ id: "s3", side: "sell", price: 11n });
    const outcome = open({ id: "b", price: 12n, quantity: 12n });
    expect(tradesOf(outcome)).toEqual(["b<s2 5@11", "b<s3 5@11", "b<s1 2@12"]);
    expect(ids(book, "sell")).toEqual(["s1"]);
    expect(book.live("s1")).toMatchObject({ open: 3n, filled: 2n, paid: 24n, version: 3n });
    expect(book.live("b")).toBeUndefined();
  });

  it("goes by the moment of escrow, not of placing", () => {
    const { place, grant, open } = bookWith();
    place({ id: "early", side: "sell" });
    open({ id: "late", side: "sell" });
    grant("early");
    expect(tradesOf(open({ id: "b", quantity: 6n }))).toEqual(["b<late 5@10", "b<early 1@10"]);
  });

  it("leaves what is not met in the book, and ends it when it is immediate", () => {
    const { open, book } = bookWith();
    open({ id: "s", side: "sell", quantity: 2n });
    expect(endsOf(open({ id: "b", isImmediate: true }))).toEqual(["b not-filled 3"]);
    open({ id: "b2", price: 9n });
    expect(ids(book, "buy")).toEqual(["b2"]);
    expect(endsOf(open({ id: "b3", price: 9n, isImmediate: true }))).toEqual(["b3 not-filled 5"]);
  });

  it("ends what rests of the same account, and goes on behind it", () => {
    const { open, book } = bookWith();
    open({ id: "own", side: "sell", account: "A", price: 9n });
    open({ id: "other", side: "sell", account: "B" });
    const outcome = open({ id: "b", account: "A" });
    expect(tradesOf(outcome)).toEqual(["b<other 5@10"]);
    expect(endsOf(outcome)).toEqual(["own self-trade 5"]);
    expect(book.size).toBe(0);
  });

  it("leaves one's own behind what fills the order", () => {
    const { open, book } = bookWith();
    open({ id: "other", side: "sell", account: "B", price: 9n });
    open({ id: "own", side: "sell", account: "A" });
    expect(endsOf(open({ id: "b", account: "A" }))).toEqual([]);
    expect(ids(book, "sell")).toEqual(["own"]);
  });

  it("is bounded: what would meet more ends, and leaves the rest alone", () => {
    const { open, book } = bookWith({ tradesPerCommandMax: 3 });
    for (const n of [1, 2, 3, 4]) open({ id: `s${n}`, side: "sell", quantity: 1n });
    const outcome = open({ id: "b", quantity: 5n });
    expect(tradesOf(outcome)).toHaveLength(3);
    expect(endsOf(outcome)).toEqual(["b too-long 2"]);
    expect(ids(book, "sell")).toEqual(["s4"]);
    // Just as many as it may: what is left rests.
    open({ id: "s5", side: "sell", quantity: 1n });
    expect(endsOf(open({ id: "b2", quantity: 5n }))).toEqual([]);
    expect(book.live("b2")?.open).toBe(3n);
  });

  it("ends what it meets of which the time is over", () => {
    const { open, place, grant } = bookWith();
    open({ id: "old", side: "sell", expiresMs: nowMs + 1 });
    open({ id: "s", side: "sell" });
    place({ id: "b" });
    const outcome = grant("b", nowMs + 1);
    expect(endsOf(outcome)).toEqual(["old expired 5"]);
    expect(tradesOf(outcome)).toEqual(["b<s 5@10"]);
  });
});

describe("escrow", () => {
  it("is asked for by a placed order that nobody sees", () => {
    const { place, book, open } = bookWith();
    place({ id: "s", side: "sell" });
    expect(ids(book, "sell")).toEqual([]);
    expect(tradesOf(open({ id: "b" }))).toEqual([]);
    expect(ids(book, "buy")).toEqual(["b"]);
  });

  it("that is refused rejects the order, and that is answered again changes nothing", () => {
    const { place, run, grant, book } = bookWith();
    place({ id: "s", side: "sell" });
    const reject = { kind: "reject", id: "s", reason: "insufficient-goods" } as const;
    expect(run(reject)).toMatchObject({
      orders: [{ state: "rejected", endedReason: "insufficient-goods", ended: 5n }],
      ended: [],
    });
    expect(run(reject)).toMatchObject({ reason: "not-live" });
    expect(grant("s")).toMatchObject({ reason: "not-live" });
    place({ id: "t", side: "sell" });
    grant("t");
    expect(grant("t")).toMatchObject({ reason: "not-live" });
    expect(run({ ...reject, id: "t" })).toMatchObject({ reason: "not-live" });
    expect(ids(book, "sell")).toEqual(["t"]);
  });

  it("that comes when the order's time is over is owed back whole", () => {
    const { place, grant } = bookWith();
    place({ id: "x" });
    expect(endsOf(grant("x", 100_000))).toEqual(["x expired 5"]);
  });

  it("that comes for an order that is wanted to end is owed back whole", () => {
    const { place, run, grant, book } = bookWith();
    place({ id: "s", side: "sell", account: "A" });
    const cancel = { kind: "cancel", id: "s", account: "A", nowMs } as const;
    expect(run(cancel)).toMatchObject({ marked: [{ id: "s", wantEnd: "cancelled" }], ended: [] });
    expect(run(cancel)).toMatchObject({ kind: "decided", orders: [], marked: [] });
    expect(endsOf(grant("s"))).toEqual(["s cancelled 5"]);
    expect(book.size).toBe(0);
  });

  it("that comes to a halted book is owed back, and no crossed book wakes up", () => {
    const { place, open, grant, book } = bookWith();
    open({ id: "s", side: "sell" });
    place({ id: "b" });
    book.isHalted = true;
    expect(place({ id: "new" })).toEqual({ kind: "refused", reason: "halted" });
    expect(endsOf(grant("b"))).toEqual(["b halted 5"]);
    book.isHalted = false;
    expect([ids(book, "buy"), ids(book, "sell")]).toEqual([[], ["s"]]);
  });
});

describe("an end", () => {
  it("owes back what no trade has taken", () => {
    const { open, run, book } = bookWith();
    open({ id: "s", side: "sell", account: "A" });
    open({ id: "b", quantity: 2n });
    expect(endsOf(run({ kind: "cancel", id: "s", account: "A", nowMs }))).toEqual([
      "s cancelled 3",
    ]);
    expect(run({ kind: "cancel", id: "s", account: "A", nowMs })).toMatchObject({
      reason: "not-live",
    });
    expect(book.size).toBe(0);
  });

  it("is its owner's to ask for", () => {
    const { open, run } = bookWith();
    open({ id: "s", side: "sell", account: "A" });
    expect(run({ kind: "cancel", id: "s", account: "B", nowMs })).toMatchObject({
      reason: "not-live",
    });
  });

  it("by time comes when it is over and not before", () => {
    const { open, place, run } = bookWith();
    open({ id: "s", side: "sell" });
    expect(run({ kind: "expire", id: "s", nowMs: 99_999 })).toMatchObject({ reason: "not-live" });
    expect(endsOf(run({ kind: "expire", id: "s", nowMs: 100_000 }))).toEqual(["s expired 5"]);
    place({ id: "r" });
    expect(run({ kind: "expire", id: "r", nowMs: 100_000 })).toMatchObject({
      marked: [{ id: "r", wantEnd: "expired", state: "reserving" }],
    });
  });

  it("of all of an account's leaves others alone", () => {
    const { open, place, run, book } = bookWith();
    open({ id: "a1", account: "A" });
    open({ id: "b1", account: "B" });
    place({ id: "a2", account: "A" });
    const outcome = run({ kind: "end-all", account: "A" });
    expect(endsOf(outcome)).toEqual(["a1 operator 5"]);
    expect(outcome).toMatchObject({ marked: [{ id: "a2" }] });
    expect(ids(book, "buy")).toEqual(["b1"]);
  });
});

describe("placing is refused", () => {
  it.each<[string, Partial<PlacedOrder>]>([
    ["off-tick", { price: 1001n }],
    ["too-large", { price: 1_000_000_000n, quantity: 1001n }],
  ])("%s", (reason, fields) => {
    expect(bookWith().place({ id: "x", ...fields })).toEqual({ kind: "refused", reason });
  });

  it("beyond the orders of an account, reserving ones counted, until one has ended", () => {
    const { open, place, run } = bookWith({ ordersPerBookMax: 3 });
    open({ id: "1", account: "A" });
    place({ id: "2", account: "A" });
    place({ id: "3", account: "A" });
    expect(place({ id: "4", account: "A" })).toEqual({
      kind: "refused",
      reason: "too-many-orders",
    });
    expect(place({ id: "other", account: "B" })).toMatchObject({ kind: "decided" });
    run({ kind: "cancel", id: "1", account: "A", nowMs });
    expect(place({ id: "4", account: "A" })).toMatchObject({ kind: "decided" });
  });

  it("beyond what a book may hold", () => {
    const { place } = bookWith({ restingMax: 2 });
    place({ id: "1" });
    place({ id: "2" });
    expect(place({ id: "3" })).toEqual({ kind: "refused", reason: "book-full" });
  });
});
