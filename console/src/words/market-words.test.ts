import { create } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import {
  CandleSchema,
  OrderSchema,
  OrderState,
  PlaceOrderSchema,
  Side,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { chartWords, endedWords, orderFault, orderStateWords, orderWords } from "./market-words.ts";

test("an order is faulted before it is sent exactly when its contract would", () => {
  const validator = createValidator();
  const numbers = fc.oneof(
    fc.bigInt({ min: -2n, max: 3n }),
    fc.bigInt({ min: 999_998n, max: 1_000_003n }),
    fc.bigInt({ min: 999_999_998n, max: 1_000_000_003n }),
  );
  fc.assert(
    fc.property(numbers, numbers, (price, quantity) => {
      const order = create(PlaceOrderSchema, { book: "wood", side: Side.BUY, price, quantity });
      const isTaken = validator.validate(PlaceOrderSchema, order).kind === "valid";
      expect(orderFault(price, quantity) === undefined).toBe(isTaken);
    }),
    { numRuns: 1_000 },
  );
  expect(orderFault(undefined, 1n)?.field).toBe("price");
  expect(orderFault(1n, undefined)?.field).toBe("quantity");
});

const order = (init: object) =>
  create(OrderSchema, { book: "wood", side: Side.SELL, quantity: 1_200n, price: 12n, ...init });

test("an order says what became of it", () => {
  expect(orderWords(order({}))).toBe("Sell 1,200 wood at 12");
  const said = (init: object): string => orderStateWords(order(init));
  const part = { filled: 200n, averagePrice: 13n };
  expect(said({ state: OrderState.RESERVING })).toBe("is being placed");
  expect(said({ state: OrderState.RESERVING, wantEnd: true })).toBe("is being cancelled");
  expect(said({ state: OrderState.OPEN })).toBe("open");
  expect(said({ state: OrderState.OPEN, ...part })).toBe("open, 200 of 1,200 done at 13");
  expect(said({ state: OrderState.FILLED, filled: 1_200n, averagePrice: 12n })).toBe("done at 12");
  expect(said({ state: OrderState.EXPIRED, endedReason: "expired" })).toBe("run out of time");
  expect(said({ state: OrderState.CANCELLED, endedReason: "cancelled", ...part })).toBe(
    "200 of 1,200 done at 13, then cancelled",
  );
});

test("every reason for which an order ends has words of its own", () => {
  // As in docs/protocol.md, "Market".
  const reasons =
    "cancelled expired self-trade not-filled too-long halted operator insufficient-coin insufficient-goods gave-up";
  const words = reasons.split(" ").map(endedWords);
  expect(new Set(words).size).toBe(10);
  expect(words).not.toContain("ended");
  expect(endedWords("a-new-one")).toBe("ended");
});

test("the chart is told in a sentence", () => {
  expect(chartWords("wood", [])).toBe("No wood was traded yet.");
  const candles = [
    create(CandleSchema, { close: 1_012n, low: 11n, high: 1_013n }),
    create(CandleSchema, { close: 5n, low: 4n, high: 6n }),
  ];
  expect(chartWords("wood", candles)).toBe(
    "Price of wood: 1,012 coin now, between 4 and 1,013 before.",
  );
});
