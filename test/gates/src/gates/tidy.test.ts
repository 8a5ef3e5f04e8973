import { expect, it } from "vitest";
import { hostsInLockfile, leftOutTests, overlongFiles } from "./tidy.ts";

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
