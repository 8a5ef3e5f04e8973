import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { gameModuleUrl } from "./game-module.ts";

let root: string;
const src = { "src/index.ts": "", "lib/main.js": "" };

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "hexhold-game-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, "game", name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

const urlOf = (file: string): string => pathToFileURL(path.join(root, "game", file)).href;

it("takes the path of a module, from the root or absolute, and a file: URL as it is", () => {
  write({ "rules.ts": "" });
  expect(gameModuleUrl("game/rules.ts", root)).toBe(urlOf("rules.ts"));
  expect(gameModuleUrl(path.join(root, "game/rules.ts"), "/")).toBe(urlOf("rules.ts"));
  expect(gameModuleUrl("file:///nowhere/game.ts", root)).toBe("file:///nowhere/game.ts");
});

describe("a folder with a package", () => {
  it.each([
    ["exports", { exports: "./src/index.ts", main: "lib/main.js" }, "src/index.ts"],
    ["its own path in exports", { exports: { ".": "./src/index.ts" } }, "src/index.ts"],
    [
      "the condition of an import",
      { exports: { ".": { types: "./x.d.ts", require: "./x.cjs", import: "./src/index.ts" } } },
      "src/index.ts",
    ],
    [
      "conditions without a path, and inside each other",
      { exports: { browser: "./x.js", node: { import: "./lib/main.js" }, default: "./x.js" } },
      "lib/main.js",
    ],
    ["main where there are no exports", { main: "lib/main.js" }, "lib/main.js"],
  ])("is the module of %s", (_what, manifest, entry) => {
    write({ ...src, "package.json": JSON.stringify(manifest) });
    expect(gameModuleUrl("game", root)).toBe(urlOf(entry));
  });
});

it.each([
  ["nothing is there", {}, /there is no game at .*\/game: neither a folder/],
  ["a folder has no package", src, /\/game holds no game: it has no package\.json/],
  ["a package is no JSON", { "package.json": "{" }, /package\.json is no JSON: /],
  ["a package is a list", { "package.json": "[]" }, /package\.json names no module: expected/],
  [
    "a package names no module",
    { "package.json": "{}" },
    /package\.json names no module: expected/,
  ],
  [
    "exports are for other paths alone",
    {
      "package.json": '{ "exports": { "./rules": "./src/index.ts" }, "main": "lib/main.js" }',
      ...src,
    },
    /names no module/,
  ],
  [
    "exports are for require alone",
    { "package.json": '{ "exports": { "require": "./src/index.ts" } }', ...src },
    /names no module/,
  ],
  [
    "the module is not there",
    { "package.json": '{ "exports": "./src/other.ts" }', ...src },
    /package\.json names the module \.\/src\/other\.ts: it is not there \(ENOENT\)/,
  ],
])("says so when %s", (_what, files, message) => {
  write(files);
  expect(() => gameModuleUrl("game", root)).toThrow(message);
});
