/** What players hear of the market against what its database says. */
import { setTimeout as pause } from "node:timers/promises";
import type { PlayerEvent, TopicEvent } from "@hexhold/domain";
import type { BookChanged, OrderChanged } from "@hexhold/gen/hexhold/market/v1/events_pb";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { cancel, halt, held, place, placedId, refusedHold } from "../../test/commands.ts";
import { type MarketDatabase, newAccount, openMarketDatabase } from "../../test/market-database.ts";
import { randomOf } from "../../test/random.ts";
import { bookState, levelsOf } from "../store/market-reads.ts";

let database: MarketDatabase;
const eventMs = 10;

beforeAll(async () => {
  database = await openMarketDatabase(["wood"]);
});
afterAll(async () => database.close());
beforeEach(async () => {
  await database.admin.query(
    `TRUNCATE market."order", market.trade, market.candle, market.outbox, market.due`,
  );
  database.nowMs += 3_600_000;
});

/** Keeps what one instance or several tell. */
function recorder() {
  const players: { readonly account: string; readonly event: OrderChanged }[] = [];
  const books: BookChanged[] = [];
  const topics = {
    toPlayer: ({ account, message }: PlayerEvent): void =>
      void players.push({ account, event: message as OrderChanged }),
    toTopic: ({ message }: TopicEvent): void => void books.push(message as BookChanged),
  };
  return { players, books, topics };
}

/** The book as the database says. */
const stored = () =>
  database.inTransaction(async (transaction) => {
    const side = async (of: "buy" | "sell"): Promise<string[]> =>
      (await levelsOf(transaction, "wood", of, 50))
        .map(({ price, quantity }) => `${price}:${quantity}`)
        .toSorted();
    return {
      version: (await bookState(transaction, "wood"))!.version,
      buy: await side("buy"),
      sell: await side("sell"),
    };
  });

/** A listener, as clients are told to be: it applies what goes on from where it is, and reads the book after a hole. */
async function follow(from: Awaited<ReturnType<typeof stored>>, events: readonly BookChanged[]) {
  const map = (levels: readonly string[]): Map<string, string> =>
    new Map(levels.map((text) => text.split(":") as [string, string]));
  let { version } = from;
  let sides = { buy: map(from.buy), sell: map(from.sell) };
  let holes = 0;
  for (const event of events) {
    if (event.version <= version) continue;
    if (event.afterVersion > version) {
      holes++;
      const now = await stored();
      ({ version } = now);
      sides = { buy: map(now.buy), sell: map(now.sell) };
      continue;
    }
    ({ version } = event);
    for (const [side, levels] of [
      ["buy", event.bids],
      ["sell", event.asks],
    ] as const) {
      for (const { price, quantity } of levels) {
        if (quantity === 0n) sides[side].delete(String(price));
        else sides[side].set(String(price), String(quantity));
      }
    }
  }
  const list = (levels: ReadonlyMap<string, string>): string[] =>
    [...levels].map(([price, quantity]) => `${price}:${quantity}`).toSorted();
  return { holes, buy: list(sides.buy), sell: list(sides.sell) };
}

test.each([
  { instances: 1, lost: 0, holes: "none" },
  { instances: 1, lost: 20, holes: "some" },
  { instances: 2, lost: 0, holes: "some" },
])(
  "a listener has the book: $instances instances, $lost % of the events lost",
  async ({ instances, lost, holes }) => {
    const random = randomOf(7 + instances + lost);
    const { books, topics } = recorder();
    const markets = Array.from({ length: instances }, () =>
      database.open({ bookEventMs: eventMs }, database.pool, undefined, topics),
    );
    const begun = await stored();
    const accounts = Array.from({ length: 12 }, () => newAccount());
    const open: { readonly id: string; readonly account: string }[] = [];
    for (let n = 0; n < 400; n++) {
      database.nowMs += 250;
      const market = random.oneOf(markets);
      const account = random.oneOf(accounts);
      const target = random.chance(15) ? random.oneOf(open) : undefined;
      if (target !== undefined) {
        await market.run(cancel(target.id, target.account));
        continue;
      }
      const order = place({
        account,
        side: random.oneOf(["buy", "sell"] as const),
        price: BigInt(95 + random.below(11)),
        quantity: BigInt(1 + random.below(20)),
      });
      const [outcome] = await market.run(order);
      if (outcome?.kind !== "applied") continue;
      const id = placedId(outcome);
      open.push({ id, account });
      const isGranted = random.chance(90);
      await random.oneOf(markets).run(isGranted ? held(id) : refusedHold(id));
      if (random.chance(2)) {
        await market.run(halt(true));
        await market.run(halt(false));
      }
    }
    for (const { market } of markets) market.books.stop();
    expect(books.length).toBeGreaterThan(30);
    const heard = books.filter((_, i) => i === books.length - 1 || !random.chance(lost));
    const { holes: found, ...levels } = await follow(begun, heard);
    const { buy, sell } = await stored();
    expect(levels).toEqual({ buy, sell });
    expect(buy.length + sell.length).toBeGreaterThan(2);
    if (holes === "none") expect(found).toBe(0);
    else expect(found).toBeGreaterThan(0);
  },
  60_000,
);

test("an owner hears of each state of an order that was committed, and nobody else does", async () => {
  const { players, topics } = recorder();
  const market = database.open({}, database.pool, undefined, topics);
  const [buyer, seller] = [newAccount(), newAccount()];
  const one = async (side: "buy" | "sell", account: string, quantity: bigint): Promise<string> => {
    const [outcome] = await market.run(place({ account, side, price: 500n, quantity }));
    const id = placedId(outcome);
    await market.run(held(id));
    return id;
  };
  await one("sell", seller, 3n);
  const bought = await one("buy", buyer, 5n);
  await market.run(cancel(bought, buyer));
  const heardBy = (account: string): string[] =>
    players
      .filter((told) => told.account === account)
      .map(({ event: { version, state, open, filled, averagePrice, endedReason } }) =>
        [version, state, open, filled, averagePrice, endedReason].join(" "),
      );
  // Reserving, open, filled; and reserving, open with what was bought, cancelled.
  expect(heardBy(seller)).toEqual(["1 1 0 0 0 ", "2 2 3 0 0 ", "3 3 0 3 500 "]);
  expect(heardBy(buyer)).toEqual(["1 1 0 0 0 ", "2 2 2 3 500 ", "3 4 0 3 500 cancelled"]);
  expect(players).toHaveLength(6);
});

test("nothing is told of a transaction that was rolled back", async () => {
  const { players, books, topics } = recorder();
  const market = database.open({ bookEventMs: eventMs }, database.pool, undefined, topics);
  const account = newAccount();
  const [outcome] = await market.run(place({ account, side: "buy", price: 3n }));
  const id = placedId(outcome);
  players.length = 0;
  await market.rollBack(held(id), place({ account, side: "buy", price: 2n }));
  await market.rollBack(halt(true));
  await pause(3 * eventMs);
  expect([players, books]).toEqual([[], []]);
  // Committed, the same is told.
  await market.run(held(id));
  expect([players.length, books.length]).toEqual([1, 1]);
  expect(books[0]!.bids).toMatchObject([{ price: 3n, quantity: 5n }]);
});
