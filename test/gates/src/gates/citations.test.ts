import { expect, it } from "vitest";
import { brokenCitations } from "./citations.ts";

const documents = [
  { path: "ARCHITECTURE.md", text: "" },
  { path: "docs/protocol.md", text: "" },
  { path: "docs/adr/0012-transfers-by-number.md", text: "" },
  { path: "docs/models/CommitFence.tla", text: "" },
];
/** Not written out, as this file is looked at, too. */
const nowhere = ["contracts", "md"].join(".");

const check = (text: string) => brokenCitations([...documents, { path: "libs/a/src/a.ts", text }]);

it("finds documents beside the citing one", () => {
  const beside = {
    path: ["docs/models/x", "md"].join("."),
    text: ["CommitFence", "tla"].join("."),
  };
  // Concatenated: this file is not beside it.
  const above = { path: ["docs/models/y", "md"].join("."), text: ["..", "protocol.md"].join("/") };
  expect(brokenCitations([...documents, beside, above])).toEqual([]);
});

it.each([
  "// docs/protocol.md, `protocol.md`, ARCHITECTURE.md and docs/models/CommitFence.tla",
  "// (ADR 12), docs/adr/0012-transfers-by-number.md",
  "// https://example.org/elsewhere/readme.md is somebody else's",
])("lets through what is there (control): %s", (text) => {
  expect(check(text)).toEqual([]);
});

it.each([
  [`// as ${nowhere} has it`, "there is no such document"],
  [`// docs/${nowhere}`, "there is no such document"],
  [["// ADR", "8"].join(" "), "not in docs/adr/"],
  ["// Architecture \u00a75", "a section sign"],
  [["// as the", "architecture says"].join(" "), "an architecture that is no document"],
])("finds a citation that leads nowhere: %s", (text, what) => {
  expect(check(`const a = 1;\n${text}`)).toEqual([
    expect.stringMatching(new RegExp(`^libs/a/src/a\\.ts:2: .*${what}`)),
  ]);
});
