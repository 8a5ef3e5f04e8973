import fc from "fast-check";
import { expect, test } from "vitest";
import { documentLines } from "./document-lines.ts";

const linesOf = (document: unknown): string[] | undefined =>
  documentLines(JSON.stringify(document))?.lines.map(
    ({ depth, name, value }) =>
      `${"> ".repeat(depth)}${name}${value === undefined ? "" : `: ${value}`}`,
  );

test("a document is its names and values, nested ones below their own", () => {
  const document = {
    level: 3,
    owner: null,
    isOpen: true,
    motto: "",
    stocks: [
      { resource: "wood", amount: "40" },
      { resource: "stone", amount: "7" },
    ],
    gate: { sides: [1, 2, 5], guards: [], key: { colour: "red" } },
  };
  expect(linesOf(document)).toEqual([
    "level: 3",
    "owner: none",
    "isOpen: yes",
    "motto: none",
    "stocks",
    "> 1",
    "> > resource: wood",
    "> > amount: 40",
    "> 2",
    "> > resource: stone",
    "> > amount: 7",
    "gate",
    "> sides: 1, 2, 5",
    "> guards: none",
    "> key",
    "> > colour: red",
  ]);
});

test("what would be markup is text like any other", () => {
  const name = "<img src=x onerror=alert(1)>";
  expect(linesOf({ [name]: "<script>alert(1)</script>" })).toEqual([
    `${name}: <script>alert(1)</script>`,
  ]);
});

test.each(["", "no JSON", "7", "null", '"text"', '{"half":'])("%j is no document", (json) => {
  expect(documentLines(json)).toBeUndefined();
});

test("a long one is cut: lines, depth, names, values, and the whole", () => {
  const many = documentLines(JSON.stringify(Array.from({ length: 61 }, (_, n) => ({ n }))));
  expect([many?.lines.length, many?.isCut]).toEqual([60, true]);
  expect(documentLines(JSON.stringify({ a: { b: { c: { d: 1 } } } }))?.isCut).toBe(false);
  const deep = documentLines(`${'{"in":'.repeat(5000)}1${"}".repeat(5000)}`);
  expect(deep?.lines.map(({ value }) => value)).toEqual([undefined, undefined, undefined, "…"]);
  expect(deep?.isCut).toBe(true);
  const long = "😀".repeat(200);
  const [line] = documentLines(JSON.stringify({ [long]: long }))?.lines ?? [];
  expect([line?.name, line?.value]).toEqual([`${"😀".repeat(39)}…`, `${"😀".repeat(159)}…`]);
  expect(documentLines(JSON.stringify({ a: "a".repeat(70_000) }))).toEqual({
    lines: [],
    isCut: true,
  });
});

test("whatever the document is, it fits", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), (json) => {
      const { lines = [] } = documentLines(json) ?? {};
      expect(lines.length).toBeLessThanOrEqual(60);
      for (const { depth, name, value = "" } of lines) {
        expect(depth).toBeLessThan(4);
        expect(Array.from(name).length).toBeLessThanOrEqual(40);
        expect(Array.from(value).length).toBeLessThanOrEqual(160);
      }
    }),
  );
});
