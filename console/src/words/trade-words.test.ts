import { create } from "@bufbuild/protobuf";
import {
  ItemSchema,
  OfferState,
  TradeLineSchema,
} from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { expect, test } from "vitest";
import { goodsWords, itemWords, lineFault, offerStateWords } from "./trade-words.ts";

const itemId = new Uint8Array(16).fill(0xab);
const item = (attributes: Uint8Array) => create(ItemSchema, { itemId, kind: "plaque", attributes });
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("goods are told by amount, items by kind where it is known and by their last digits", () => {
  const lines = [{ asset: "wood", amount: 1_500n }, { itemId }].map((line) =>
    create(TradeLineSchema, line),
  );
  expect(goodsWords(lines, [])).toBe("1,500 wood, an item (ababab)");
  expect(goodsWords(lines, [item(new Uint8Array(0))])).toBe("1,500 wood, 1 plaque (ababab)");
  expect(goodsWords([], [])).toBe("nothing");
});

test("attributes are text, whatever they are", () => {
  expect(itemWords(item(bytes('{"building":"well","hex":"86…","deep":{"a":1}}')))).toBe(
    "building: well, hex: 86…",
  );
  expect(itemWords(item(bytes("<img onerror>")))).toBe("<img onerror>");
  expect(itemWords(item(bytes("x".repeat(900))))).toHaveLength(160);
  expect(itemWords(item(new Uint8Array([0xff, 0xfe])))).toBe("");
  expect(itemWords(item(new Uint8Array(0)))).toBe("");
});

test("every state of an offer has words, and amounts that are none are faulted", () => {
  const states = [1, 2, 3, 4, 5].map((state) => offerStateWords(state as OfferState));
  expect(new Set(states).size).toBe(5);
  expect(offerStateWords(OfferState.UNSPECIFIED)).toBe("ended");
  expect(lineFault(undefined, 5n, "wood")).toContain("whole number");
  expect(lineFault(0n, 5n, "wood")).toContain("1 or more");
  expect(lineFault(6_000n, 5_000n, "wood")).toBe("You have 5,000 wood.");
  expect(lineFault(5n, 5n, "wood")).toBeUndefined();
  expect(lineFault(6n, undefined, "wood")).toBeUndefined();
});
