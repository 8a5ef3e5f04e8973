import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { FieldRulesSchema, Ignore } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, it } from "vitest";
import { compareFieldRules } from "./tightened-rules.ts";

type Rules = MessageInitShape<typeof FieldRulesSchema>;

function compare(old: Rules, now: Rules): string[] {
  return compareFieldRules(create(FieldRulesSchema, old), create(FieldRulesSchema, now));
}

const string = (value: object): Rules => ({ type: { case: "string", value } });
const int64 = (value: object): Rules => ({ type: { case: "int64", value } });
const double = (value: object): Rules => ({ type: { case: "double", value } });
const enumeration = (value: object): Rules => ({ type: { case: "enum", value } });
const bytes = (value: object): Rules => ({ type: { case: "bytes", value } });
const repeated = (value: object): Rules => ({ type: { case: "repeated", value } });
const lt = (value: bigint) => ({ lessThan: { case: "lt", value } });
const lte = (value: bigint) => ({ lessThan: { case: "lte", value } });
const gte = (value: bigint) => ({ greaterThan: { case: "gte", value } });

const tighter: readonly (readonly [string, Rules, Rules])[] = [
  ["max_len lowered", string({ maxLen: 64n }), string({ maxLen: 8n })],
  ["max_len new", string({ minLen: 1n }), string({ minLen: 1n, maxLen: 8n })],
  ["min_len raised", string({ minLen: 1n }), string({ minLen: 2n })],
  ["gte raised", int64(gte(1n)), int64(gte(2n))],
  ["lte lowered", int64(lte(1000n)), int64(lte(999n))],
  ["lte to lt of the same number", int64(lte(10n)), int64(lt(10n))],
  ["required new", {}, { required: true }],
  ["not_in extended", enumeration({ notIn: [0] }), enumeration({ notIn: [0, 3] })],
  ["not_in new", {}, enumeration({ notIn: [0] })],
  ["defined_only new", enumeration({}), enumeration({ definedOnly: true })],
  ["in shortened", string({ in: ["a", "b"] }), string({ in: ["a"] })],
  ["in new", string({}), string({ in: ["a"] })],
  ["pattern changed", string({ pattern: "^a" }), string({ pattern: "^b" })],
  ["pattern new", {}, string({ pattern: "^b" })],
  ["len new", bytes({ maxLen: 16n }), bytes({ len: 16n })],
  ["a known format", string({}), string({ wellKnown: { case: "uuid", value: true } })],
  ["max_items lowered", repeated({ maxItems: 19n }), repeated({ maxItems: 7n })],
  ["unique new", repeated({ unique: false }), repeated({ unique: true })],
  [
    "the rules of items",
    repeated({ items: create(FieldRulesSchema, string({ maxLen: 9n })) }),
    repeated({ items: create(FieldRulesSchema, string({ maxLen: 8n })) }),
  ],
  [
    "an open limit of a float",
    double({ lessThan: { case: "lte", value: 1 } }),
    double({ lessThan: { case: "lt", value: 1 } }),
  ],
  ["rules of another type", string({ maxLen: 9n }), bytes({ maxLen: 9n })],
  ["an expression", {}, { cel: [{ id: "a", expression: "this > 1" }] }],
  ["zero no longer ignored", { ignore: Ignore.IF_ZERO_VALUE, ...int64(gte(1n)) }, int64(gte(1n))],
  ["rules no longer ignored", { ignore: Ignore.ALWAYS, ...int64(gte(1n)) }, int64(gte(1n))],
];

const looser: readonly (readonly [string, Rules, Rules])[] = [
  ["the same", string({ maxLen: 64n, pattern: "^a" }), string({ maxLen: 64n, pattern: "^a" })],
  ["max_len raised", string({ maxLen: 8n }), string({ maxLen: 64n })],
  ["max_len gone", string({ maxLen: 8n }), {}],
  ["gte lowered", int64(gte(2n)), int64(gte(1n))],
  ["lte 10 as lt 11", int64(lte(10n)), int64(lt(11n))],
  ["required gone", { required: true }, {}],
  ["not_in shortened", enumeration({ notIn: [0, 3] }), enumeration({ notIn: [0] })],
  ["in extended", string({ in: ["a"] }), string({ in: ["b", "a"] })],
  ["pattern gone", string({ pattern: "^a" }), string({})],
  ["len as a range", bytes({ len: 16n }), bytes({ minLen: 16n, maxLen: 32n })],
  ["an expression gone", { cel: [{ id: "a", expression: "this > 1" }] }, {}],
  ["ignored from now on", int64(gte(1n)), { ignore: Ignore.ALWAYS, ...int64(gte(9n)) }],
];

describe("a tighter rule", () => {
  it.each(tighter)("%s", (_, old, now) => {
    expect(compare(old, now)).toHaveLength(1);
  });
});

describe("a looser rule", () => {
  it.each(looser)("%s", (_, old, now) => {
    expect(compare(old, now)).toEqual([]);
  });
});

it("names the rule and its value", () => {
  expect(compare(string({ maxLen: 64n }), string({ maxLen: 8n }))).toEqual(["string.max_len 8"]);
});
