import { create } from "@bufbuild/protobuf";
import { CandleSchema } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { candleMarks } from "./candle-marks.ts";

const scale = { width: 320, height: 100, candlesMax: 16 };
const price = fc.bigInt({ min: 1n, max: 1_000_000_000n });
const candle = fc
  .tuple(price, price, price, price)
  .map((prices) => prices.toSorted((a, b) => Number(a - b)))
  .chain(([low, a, b, high]) =>
    fc
      .boolean()
      .map((isUp) => ({ low: low!, high: high!, open: isUp ? a! : b!, close: isUp ? b! : a! })),
  );

test("every mark is inside the picture, its body between the ends of its wick, the newest on the right", () => {
  fc.assert(
    fc.property(fc.array(candle, { minLength: 1, maxLength: 40 }), (given) => {
      const candles = given.map((one, nth) =>
        create(CandleSchema, { ...one, atMs: BigInt(99 - nth) }),
      );
      const { marks, low, high } = candleMarks(candles, scale);
      const shown = candles.slice(0, scale.candlesMax);
      expect(marks.map(({ atMs }) => atMs)).toEqual(
        shown.toReversed().map(({ atMs }) => String(atMs)),
      );
      for (const { high: most, low: least } of shown) {
        expect(low <= least && most <= high).toBe(true);
      }
      for (const { x, width, top, bottom, bodyTop, bodyHeight } of marks) {
        expect(x >= 0 && x + width <= scale.width).toBe(true);
        expect(top >= 0 && top <= bodyTop && bottom <= scale.height).toBe(true);
        // A body of nothing is drawn all the same.
        expect(bodyTop + bodyHeight).toBeLessThanOrEqual(bottom + 2.001);
      }
      expect(marks.at(-1)!.x + marks.at(-1)!.width).toBeGreaterThan(scale.width * 0.95);
    }),
    { numRuns: 300 },
  );
});

test("no candle is no mark, and rising prices go up", () => {
  expect(candleMarks([], scale).marks).toEqual([]);
  const [older, newer] = candleMarks(
    [
      create(CandleSchema, { open: 20n, low: 20n, high: 30n, close: 30n, atMs: 2n }),
      create(CandleSchema, { open: 20n, low: 10n, high: 20n, close: 10n, atMs: 1n }),
    ],
    scale,
  ).marks;
  expect([older?.isUp, newer?.isUp]).toEqual([false, true]);
  expect(newer!.top).toBeLessThan(older!.top);
});
