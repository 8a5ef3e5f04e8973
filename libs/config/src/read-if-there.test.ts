import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isThere, osReason, readIfThere } from "./read-if-there.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hexhold-there-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test("a file that is not there is nothing, also below a file", () => {
  writeFileSync(join(folder, "file"), "text");
  expect(readIfThere(join(folder, "file"))).toBe("text");
  expect(readIfThere(join(folder, "none"))).toBeUndefined();
  expect(readIfThere(join(folder, "file", "below"))).toBeUndefined();
  expect([isThere(join(folder, "file")), isThere(join(folder, "none"))]).toEqual([true, false]);
});

test("what cannot be read is an error, never nothing", () => {
  mkdirSync(join(folder, "folder"));
  symlinkSync("loop", join(folder, "loop"));
  expect(() => readIfThere(join(folder, "folder"))).toThrow(/EISDIR/);
  expect(() => readIfThere(join(folder, "loop"))).toThrow(/ELOOP/);
  expect(() => isThere(join(folder, "loop", "below"))).toThrow(/ELOOP/);
});

test("an error of the operating system has a meaning and its code", () => {
  expect(osReason(Object.assign(new Error("x"), { code: "ENOSPC" }))).toBe(
    "no space is left on the disk (ENOSPC)",
  );
  expect(osReason(Object.assign(new Error("ELOOP: too many"), { code: "ELOOP" }))).toBe(
    "ELOOP: too many",
  );
  expect(osReason(new Error("other"))).toBe("other");
});
