import { afterAll, beforeAll, expect, test } from "vitest";
import { held, place, placedId, said } from "../../test/commands.ts";
import { type MarketDatabase, newAccount, openMarketDatabase } from "../../test/market-database.ts";

let database: MarketDatabase;
const books = ["food", "stone", "wood"];

beforeAll(async () => {
  database = await openMarketDatabase(books);
});
afterAll(async () => database.close());

test("batches that name their books in opposite orders, on two instances at once, all end, and no transaction is a deadlock's", async () => {
  const instances = [database.open(), database.open()];
  const rounds = await Promise.all(
    instances.flatMap((market, n) =>
      Array.from({ length: 3 }, async (_, lane) => {
        const order = (n + lane) % 2 === 0 ? books : books.toReversed();
        const outcomes: string[] = [];
        for (let round = 0; round < 15; round++) {
          const commands = order.map((book) =>
            place({ account: newAccount(), side: "sell", book }),
          );
          const placed = await market.run(...commands);
          const granted = await market.run(
            ...placed.map((outcome, at) => held(placedId(outcome), order[at])),
          );
          outcomes.push(...placed.map(said), ...granted.map(said));
        }
        return outcomes;
      }),
    ),
  );
  expect(rounds.flat().length).toBe(6 * 15 * 6);
  expect(new Set(rounds.flat())).toEqual(new Set(["applied"]));
  const [resting] = await database.rows<{ n: string; seqs: string }>(
    `SELECT count(*) AS n, count(DISTINCT (book, seq)) AS seqs FROM market."order" WHERE state = 2`,
  );
  expect(resting).toEqual({ n: "270", seqs: "270" });
});
