import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { olderLogOf } from "@hexhold/local-stack";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openReader } from "./logs.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hexhold-logs-"));
  file = join(folder, "host.log");
});

afterEach(() => rmSync(folder, { recursive: true }));

function rotate(): void {
  copyFileSync(file, olderLogOf(file));
  truncateSync(file);
}

test("a log is followed over the moment at which it is begun anew", () => {
  writeFileSync(file, "one\n");
  const reader = openReader(file);
  expect(reader.readNew()).toEqual(["one"]);
  appendFileSync(file, "two\nthr");
  expect(reader.readNew()).toEqual(["two"]);
  appendFileSync(file, "ee\nfour\n");
  rotate();
  appendFileSync(file, "five\n");
  expect(reader.readNew()).toEqual(["three", "four", "five"]);
  rotate();
  expect(reader.readNew()).toEqual([]);
  appendFileSync(file, "six\n");
  expect(reader.readNew()).toEqual(["six"]);
});

test("the last lines of a log that was just begun are those of the one before", () => {
  writeFileSync(file, "one\ntwo\n");
  rotate();
  appendFileSync(file, "three\n");
  expect(openReader(file).readNew()).toEqual(["one", "two", "three"]);
});
