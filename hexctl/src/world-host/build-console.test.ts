import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildConsole } from "./build-console.ts";

const root = resolve(import.meta.dirname, "../../..");
let checkout: string;
let said: string[];
const say = (line: string): void => void said.push(line);

beforeEach(() => {
  said = [];
  checkout = mkdtempSync(join(tmpdir(), "hexhold-console-"));
});

afterEach(() => {
  rmSync(checkout, { recursive: true, force: true });
});

/** A page of one line, built by the real Vite. */
function writePage(line: string): void {
  mkdirSync(join(checkout, "console/src"), { recursive: true });
  const page = '<script type="module" src="/src/main.js"></script>';
  writeFileSync(join(checkout, "console/index.html"), page);
  writeFileSync(join(checkout, "console/src/main.js"), line);
  cpSync(join(root, "console/package.json"), join(checkout, "console/package.json"));
  writeFileSync(join(checkout, "console/vite.config.ts"), "export default {};\n");
  const modules = join(checkout, "console/node_modules");
  if (!existsSync(modules)) symlinkSync(join(root, "console/node_modules"), modules);
}

test("a page is built once, and again when its sources have changed", async () => {
  writePage(`document.title = '${"one".repeat(1000)}';`);
  const dist = await buildConsole(checkout, say);
  expect(said).toEqual([expect.stringMatching(/^built the page in \d+\.\d s$/)]);
  expect(readFileSync(join(dist!, "index.html"), "utf8")).toContain("/assets/");
  const endings = readdirSync(join(dist!, "assets")).map((name) => extname(name));
  expect(endings.toSorted()).toEqual([".br", ".gz", ".js"]);
  expect(await buildConsole(checkout, say)).toBe(dist);
  expect(said).toHaveLength(1);
  writePage("document.title = 'two';");
  expect(await buildConsole(checkout, say)).toBe(dist);
  expect(said).toHaveLength(2);
});

test("a page is built again when a package that it uses has changed", async () => {
  writePage("document.title = 'one';");
  const used = ["client/src", "games/reference-client/src", "libs/hex/src", "gen"];
  for (const folder of used) {
    await buildConsole(checkout, say);
    mkdirSync(join(checkout, folder), { recursive: true });
    writeFileSync(join(checkout, folder, "index.ts"), "export const changed = true;\n");
  }
  await buildConsole(checkout, say);
  expect(said).toHaveLength(1 + used.length);
});

test("a page that cannot be built costs the world nothing but its page", async () => {
  writePage("this is no JavaScript");
  expect(await buildConsole(checkout, say)).toBeUndefined();
  expect(said[0]).toMatch(/^the page could not be built: vite build failed \(exit code 1\): .+/s);
});

test("where there is no page, none is built and nothing is said", async () => {
  expect(await buildConsole(checkout, say)).toBeUndefined();
  expect(said).toEqual([]);
});
