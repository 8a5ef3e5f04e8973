import type { TopicPublisher } from "@hexhold/domain";
import type { BookChanged } from "@hexhold/gen/hexhold/market/v1/events_pb";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type BookChange, BookFeed } from "./book-feed.ts";

let told: BookChanged[];
let places: string[];
let feed: BookFeed;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  places = [];
  const topics: Pick<TopicPublisher, "toTopic"> = {
    toTopic({ topic, seq, message }) {
      told.push(message as BookChanged);
      places.push(`${topic} ${seq}`);
    },
  };
  feed = new BookFeed({ topics, eventMs: 200 });
});
afterEach(() => {
  feed.stop();
  vi.useRealTimers();
});

function change(version: bigint, fields: Partial<BookChange> = {}): BookChange {
  return {
    name: "wood",
    afterVersion: version - 1n,
    version,
    levels: [{ side: "buy", price: 10n, quantity: version }],
    trades: [],
    isHalted: false,
    isHaltSet: false,
    atMs: 1_000,
    ...fields,
  };
}
/** `1-3 buy 10:3`: after version 1 up to 3. */
const said = (): string[] =>
  told.map(({ afterVersion, version, bids, asks }) =>
    [
      `${afterVersion}-${version}`,
      ...bids.map(({ price, quantity }) => `buy ${price}:${quantity}`),
      ...asks.map(({ price, quantity }) => `sell ${price}:${quantity}`),
    ].join(" "),
  );

it("tells the first change at once, and what follows in 200 ms in one event, each level as it is then", () => {
  feed.changed(change(1n));
  expect(said()).toEqual(["0-1 buy 10:1"]);
  feed.changed(change(2n));
  feed.changed(change(3n));
  feed.changed(change(4n, { levels: [{ side: "sell", price: 11n, quantity: 0n }] }));
  vi.advanceTimersByTime(199);
  expect(told).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(said().slice(1)).toEqual(["1-4 buy 10:3 sell 11:0"]);
  vi.advanceTimersByTime(1_000);
  expect(told).toHaveLength(2);
  expect(places).toEqual(["market/wood 1", "market/wood 4"]);
});

it("is one event a book and 200 ms, however much happens, and no book waits for another", () => {
  for (let n = 1; n <= 1_000; n++) {
    feed.changed(change(BigInt(n)));
    feed.changed(change(BigInt(n), { name: "stone" }));
    vi.advanceTimersByTime(1);
  }
  for (const book of ["wood", "stone"]) {
    const events = told.filter((event) => event.book === book);
    expect(events.length).toBeGreaterThanOrEqual(5);
    expect(events.length).toBeLessThanOrEqual(6);
    // Without a hole.
    expect(events.map(({ afterVersion }) => afterVersion)).toEqual([
      0n,
      ...events.slice(0, -1).map(({ version }) => version),
    ]);
  }
});

it("says nothing of versions that nobody can see, and takes them into the next event", () => {
  feed.changed(change(1n, { levels: [] }));
  feed.changed(change(2n, { levels: [] }));
  vi.advanceTimersByTime(1_000);
  expect(told).toEqual([]);
  feed.changed(change(3n));
  expect(said()).toEqual(["0-3 buy 10:3"]);
});

it("never claims a version that another instance has made", () => {
  feed.changed(change(1n));
  feed.changed(change(2n));
  // 3 was another's.
  feed.changed(change(4n));
  expect(said()).toEqual(["0-1 buy 10:1", "1-2 buy 10:2"]);
  vi.advanceTimersByTime(200);
  expect(said().slice(2)).toEqual(["3-4 buy 10:4"]);
});

it("tells that a book is halted, and the newest of its trades", () => {
  feed.changed(change(1n, { levels: [], isHalted: true, isHaltSet: true }));
  expect(told).toMatchObject([{ halted: true, version: 1n }]);
  const trades = Array.from({ length: 25 }, (_, i) => ({
    price: 10n,
    quantity: BigInt(i + 1),
    takerSide: "sell" as const,
  }));
  feed.changed(change(2n, { trades: trades.slice(0, 10) }));
  feed.changed(change(3n, { trades: trades.slice(10) }));
  vi.advanceTimersByTime(200);
  expect(told[1]!.trades.map(({ quantity }) => Number(quantity))).toEqual(
    Array.from({ length: 20 }, (_, i) => i + 6),
  );
  expect(told[1]!.trades[0]).toMatchObject({ takerSide: 2, atMs: 1_000n });
});

it("sends a reader to the book when more has changed than an event holds", () => {
  const levels = Array.from({ length: 401 }, (_, i) => ({
    side: "sell" as const,
    price: BigInt(i + 1),
    quantity: 1n,
  }));
  feed.changed(change(1n, { levels: levels.slice(1) }));
  feed.changed(change(2n, { levels }));
  vi.advanceTimersByTime(200);
  expect(told.map(({ asks }) => asks.length)).toEqual([400, 0]);
  expect(told[1]).toMatchObject({ version: 2n, afterVersion: 2n });
});

it("sends what waits when it is stopped", () => {
  feed.changed(change(1n));
  feed.changed(change(2n));
  feed.stop();
  expect(said()).toEqual(["0-1 buy 10:1", "1-2 buy 10:2"]);
});
