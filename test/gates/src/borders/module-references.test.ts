import { expect, it } from "vitest";
import { referencesOf } from "./module-references.ts";

const globals = new Set(["Date", "Math.random", "process"]);

it("finds imports of every form, and which of them are for types only", () => {
  const text = `
import type { A } from "./a.ts";
import { type B } from "b";
import c, { type D } from "c";
import "d";
export { e } from "e";
export type { F } from "f";
export * from "g";
const h = await import("h");
type I = import("i").I;
// import "in a comment";
const text = 'import "in a string"';
`;
  expect(
    referencesOf(text, "ts").imports.map(({ specifier, typeOnly }) => [specifier, typeOnly]),
  ).toEqual([
    ["./a.ts", true],
    ["b", true],
    ["c", false],
    ["d", false],
    ["e", false],
    ["f", true],
    ["g", false],
    ["h", false],
    ["i", true],
  ]);
});

it("finds uses of globals with their lines", () => {
  const text = "const a = new Date();\nconst b = Math.random();\nconst c = process.env;\n";
  expect(referencesOf(text, "ts", globals).globals).toEqual([
    { name: "Date", line: 1 },
    { name: "Math.random", line: 2 },
    { name: "process", line: 3 },
  ]);
});

it("takes members, keys, types, comments and strings of the same name for no use", () => {
  const text = `
// Date.now()
interface A { process: Date }
const a = { process: 1, Date: "Date" };
const b = a.process + Math.floor(2);
function c(d: Date): Date { return d; }
`;
  expect(referencesOf(text, "ts", globals).globals).toEqual([]);
});
