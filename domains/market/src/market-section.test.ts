import { expect, it } from "vitest";
import { marketSection } from "./market-section.ts";

const faults = (given: unknown): string[] => {
  const { error } = marketSection.safeParse(given);
  return error?.issues.map(({ path }) => path.join(".")) ?? [];
};

it("has the books of the reference game, and the fees of a market that is not free", () => {
  expect(marketSection.parse({})).toMatchObject({
    enabled: true,
    books: ["wood", "stone", "food", "ore", "herb"],
    listingFeePerMille: 10,
    salesTaxPerMille: 20,
    ordersPerBookMax: 20,
    restingMax: 20_000,
    tradesPerCommandMax: 1_000,
    minAgeHours: 24,
    askMs: 5_000,
    tradesKeepDays: 90,
  });
  expect(faults({ books: ["iron-ore", "herb"], minAgeHours: 0 })).toEqual([]);
});

it("takes no book twice, none of coin and none that is no name of an asset", () => {
  expect(faults({ books: ["wood", "wood"] })).toEqual(["books"]);
  expect(faults({ books: ["coin"] })).toEqual(["books.0"]);
  for (const book of ["", "Wood", "iron_ore", "-wood", "a".repeat(65)]) {
    expect([book, faults({ books: [book] })]).toEqual([book, ["books.0"]]);
  }
});

it("says every fault, by the name of its option", () => {
  const given = {
    listingFeePerMille: -1,
    salesTaxPerMille: 1_001,
    ordersPerBookMax: 0,
    restingMax: 100_001,
    tradesPerCommandMax: 0,
    minAgeHours: 0.5,
    askMs: 99,
    tradesKeepDays: 30,
  };
  expect(faults(given)).toEqual(Object.keys(given));
  expect(faults({ fee: 1 })).toEqual([""]);
});
