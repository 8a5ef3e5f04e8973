import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isOnTick,
  isTooLarge,
  listingFee,
  need,
  priceMax,
  quantityMax,
  salesTax,
  valueMax,
} from "./money.ts";

const int64Max = 2n ** 63n - 1n;
/** Limits and what is next to them come up often. */
const near = (max: bigint) =>
  fc.oneof(
    fc.bigInt({ min: 1n, max }),
    fc.constantFrom(1n, 2n, 3n, max - 1n, max, max / 1000n, max / 1000n + 1n),
  );
const perMilles = fc.oneof(fc.bigInt({ min: 0n, max: 1000n }), fc.constantFrom(0n, 1n, 10n, 1000n));
const orders = fc
  .tuple(near(priceMax), near(quantityMax))
  .filter(([price, quantity]) => !isTooLarge(price, quantity));

describe("the tick", () => {
  it("lets three significant digits through, and no fourth", () => {
    const onTick = [
      1n,
      9n,
      10n,
      99n,
      100n,
      101n,
      999n,
      1000n,
      1010n,
      9990n,
      100_000n,
      123_000n,
      priceMax,
    ];
    expect(onTick.filter((price) => !isOnTick(price))).toEqual([]);
    const off = [1001n, 1234n, 9999n, 10_001n, 100_100n, 999_999_999n, priceMax - 1n];
    expect(off.filter(isOnTick)).toEqual([]);
  });

  it("makes outbidding cost a thousandth at least", () => {
    fc.assert(
      fc.property(near(priceMax), near(priceMax), (a, b) => {
        if (!isOnTick(a) || !isOnTick(b) || a >= b) return;
        expect((b - a) * 1000n).toBeGreaterThanOrEqual(a);
      }),
    );
  });

  it("is the same question as: how many digits are left without the zeros at the end", () => {
    fc.assert(
      fc.property(near(priceMax), fc.integer({ min: 0, max: 6 }), (n, zeros) => {
        const price = (n % 2000n) * 10n ** BigInt(zeros);
        if (price === 0n) return;
        expect(isOnTick(price)).toBe(String(price).replace(/0+$/, "").length <= 3);
      }),
    );
  });
});

it("an order may be worth 10¹² and not one more", () => {
  expect(isTooLarge(priceMax, 1000n)).toBe(false);
  expect(isTooLarge(1_000_000n, quantityMax)).toBe(false);
  expect(isTooLarge(priceMax, 1001n)).toBe(true);
  expect(isTooLarge(1_000_001n, quantityMax)).toBe(true);
});

it("a fee is the least whole number that is not below its rate, and 1 at least", () => {
  expect(listingFee(1n, 1n, 10n)).toBe(1n);
  expect(listingFee(1n, 1n, 0n)).toBe(1n);
  expect(listingFee(100n, 1n, 10n)).toBe(1n);
  expect(listingFee(101n, 1n, 10n)).toBe(2n);
  expect(listingFee(valueMax, 1n, 1000n)).toBe(valueMax);
  fc.assert(
    fc.property(orders, perMilles, ([price, quantity], perMille) => {
      const fee = listingFee(price, quantity, perMille);
      const exact = perMille * price * quantity;
      expect(fee).toBeGreaterThanOrEqual(1n);
      expect(fee * 1000n).toBeGreaterThanOrEqual(exact);
      expect(fee === 1n || (fee - 1n) * 1000n < exact).toBe(true);
      expect(perMille * price * quantity).toBeLessThanOrEqual(int64Max);
    }),
  );
});

it("a tax is the greatest whole number that is not above its rate, and leaves the seller what is not taken", () => {
  expect(salesTax(49n, 1n, 20n)).toBe(0n);
  expect(salesTax(50n, 1n, 20n)).toBe(1n);
  fc.assert(
    fc.property(orders, perMilles, ([price, quantity], perMille) => {
      const tax = salesTax(price, quantity, perMille);
      const exact = perMille * price * quantity;
      expect(tax * 1000n <= exact && (tax + 1n) * 1000n > exact).toBe(true);
      expect(tax).toBeLessThanOrEqual(price * quantity);
    }),
  );
});

it("cutting an order into trades of one unit costs no more tax, and its escrow is the sum of its parts", () => {
  fc.assert(
    fc.property(
      near(priceMax),
      fc.bigInt({ min: 1n, max: 100n }),
      perMilles,
      (price, n, perMille) => {
        const parts = salesTax(price, 1n, perMille) * n;
        expect(parts).toBeLessThanOrEqual(salesTax(price, n, perMille));
        for (const side of ["buy", "sell"] as const) {
          expect(need(side, price, 1n) * n).toBe(need(side, price, n));
        }
      },
    ),
  );
});
