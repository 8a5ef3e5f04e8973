import fc from "fast-check";
import { expect, test } from "vitest";
import { amountOf, amountWords, rateOf, rateWords } from "./number-words.ts";

test("an amount is read as it is written, up to int64, and never through a double", () => {
  const amounts = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
  fc.assert(fc.property(amounts, (amount) => amountOf(amountWords(amount)) === amount));
  expect(amountWords(2n ** 53n + 1n)).toBe("9,007,199,254,740,993");
  expect(amountOf("9,223,372,036,854,775,807")).toBe(2n ** 63n - 1n);
  expect(amountOf("9223372036854775808")).toBeUndefined();
});

test("separators of thousands stand where they belong, and nothing else is a number", () => {
  expect(["1 234", "1'234", "1_234", " 1234 ", "01"].map(amountOf)).toEqual([
    1234n,
    1234n,
    1234n,
    1234n,
    1n,
  ]);
  for (const text of ["", " ", "-1", "+1", "1.5", "1,5", "12,34", "1e3", "0x10", "١٢", "1 2"]) {
    expect([text, amountOf(text)]).toEqual([text, undefined]);
  }
});

test("a rate is percent with at most one decimal", () => {
  expect(["0", "7", "7.5", "7,5", " 12.5 % ", "100"].map(rateOf)).toEqual([
    0, 70, 75, 75, 125, 1000,
  ]);
  for (const text of ["", "100.1", "1000", "-1", "7.55", "x", "1 2"]) {
    expect([text, rateOf(text)]).toEqual([text, undefined]);
  }
  expect(rateWords(155)).toBe("15.5 %");
});
