import { expect, test } from "vitest";
import {
  chooseBook,
  decideTrade,
  learned,
  type MarketSight,
  marginsAtFirst,
  type TradeStep,
} from "./decide-trade.ts";
import { seededRandom } from "./seeded-random.ts";

const sight: MarketSight = {
  book: "wood",
  bestBid: 0n,
  bestAsk: 0n,
  lastPrice: 100n,
  isHalted: false,
  goods: 50n,
  coin: 10_000n,
  orders: [],
  guess: 4n,
};

function steps(seen: MarketSight, stance: "sells" | "buys" | "quotes", count = 200): TradeStep[] {
  const random = seededRandom(3);
  return Array.from({ length: count }, () =>
    decideTrade(seen, stance, marginsAtFirst, random),
  ).filter((step) => step !== undefined);
}

const placed = (all: TradeStep[]) => all.filter((step) => step.kind === "place");

test("who sells never offers more than it has, and who buys never more than it can pay", () => {
  for (const goods of [0n, 2n, 3n, 7n, 50n]) {
    for (const { side, quantity } of placed(steps({ ...sight, goods }, "sells"))) {
      expect(side).toBe("sell");
      expect(quantity <= goods && quantity >= 3n).toBe(true);
    }
  }
  expect(placed(steps({ ...sight, goods: 2n }, "sells"))).toEqual([]);
  for (const coin of [0n, 5n, 300n, 420n, 2_000n]) {
    for (const { price, quantity } of placed(steps({ ...sight, coin }, "buys"))) {
      expect(price * quantity < coin).toBe(true);
    }
  }
  expect(placed(steps({ ...sight, coin: 0n }, "sells"))).toEqual([]);
  expect(placed(steps({ ...sight, coin: 10_000n }, "buys")).length).toBe(200);
});

test("prices lie around the last one, or around a guess, have three digits that count, and are at least 1", () => {
  for (const [lastPrice, low, high] of [
    [100n, 80n, 125n],
    [123_456n, 98_000n, 155_000n],
    [1n, 1n, 2n],
    [0n, 3n, 5n],
  ] as const) {
    const coin = 10n ** 9n;
    const all = [
      ...placed(steps({ ...sight, coin, lastPrice }, "sells")),
      ...placed(steps({ ...sight, coin, lastPrice }, "buys")),
      ...placed(steps({ ...sight, coin, lastPrice }, "quotes")),
    ];
    expect(all.length).toBeGreaterThan(500);
    for (const { price } of all) {
      expect(price >= low && price <= high).toBe(true);
      expect(String(price).replace(/0+$/, "").length).toBeLessThanOrEqual(3);
    }
  }
});

test("what is there already is taken at its own price, where that is as good", () => {
  const prices = (seen: MarketSight, stance: "sells" | "buys"): Set<bigint> =>
    new Set(placed(steps(seen, stance)).map(({ price }) => price));
  expect(prices({ ...sight, bestAsk: 90n }, "buys")).toEqual(new Set([90n]));
  expect(prices({ ...sight, bestBid: 120n }, "sells")).toEqual(new Set([120n]));
  expect(prices({ ...sight, bestAsk: 500n }, "buys").has(500n)).toBe(false);
});

test("no more than two orders of a side rest, a stale one is cancelled, and a halted book is left alone", () => {
  const order = (price: bigint, side: "buy" | "sell" = "buy") => ({
    orderId: new Uint8Array(16).fill(Number(price % 251n)),
    side,
    price,
  });
  const resting = { ...sight, orders: [order(95n), order(96n)] };
  expect(steps(resting, "buys")).toEqual([]);
  expect(steps(resting, "sells").length).toBe(200);
  const stale = steps({ ...sight, orders: [order(95n), order(140n, "sell")] }, "quotes", 1);
  expect(stale).toEqual([{ kind: "cancel", orderId: new Uint8Array(16).fill(140) }]);
  expect(steps({ ...sight, isHalted: true }, "sells")).toEqual([]);
});

test("a trader quotes on both sides, further away after fills and closer without, within bounds", () => {
  const quotes = placed(steps(sight, "quotes"));
  expect(new Set(quotes.map(({ side, price }) => `${side} ${price}`))).toEqual(
    new Set(["buy 90", "sell 110"]),
  );
  let margins = marginsAtFirst;
  for (let i = 0; i < 20; i++) margins = learned(margins, { buy: true, sell: false });
  expect(margins.buy).toBe(400);
  expect(margins.sell).toBeLessThan(40);
  for (let i = 0; i < 200; i++) margins = learned(margins, { buy: false, sell: false });
  expect(margins).toEqual({ buy: 20, sell: 20 });
});

test("who sells looks at what it has most of, who buys mostly at what is wanted, a trader anywhere", () => {
  const assets = [
    { each: "wood", goods: 3n },
    { each: "stone", goods: 9n },
    { each: "food", goods: 0n },
  ];
  const random = seededRandom(8);
  const chosen = (
    stance: "sells" | "buys" | "quotes",
    wanted: string[],
  ): Record<string, number> => {
    const counts: Record<string, number> = { wood: 0, stone: 0, food: 0 };
    for (let i = 0; i < 300; i++) counts[chooseBook(assets, wanted, stance, random)]!++;
    return counts;
  };
  expect(chosen("sells", ["food"])).toEqual({ wood: 0, stone: 300, food: 0 });
  expect(chosen("buys", ["food"])["food"]).toBeGreaterThan(200);
  for (const counts of [chosen("buys", []), chosen("quotes", ["food"])]) {
    for (const n of Object.values(counts)) expect(n).toBeGreaterThan(60);
  }
});
