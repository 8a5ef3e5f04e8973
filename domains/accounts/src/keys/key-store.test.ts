import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openKeyStore } from "./key-store.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(path.join(tmpdir(), "hexhold-keys-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));
const file = (): string => path.join(directory, "access-keys.json");

test("the first start makes one key, in a file for its owner alone; the next finds it", async () => {
  const first = await openKeyStore(directory, 1000, 0);
  expect(first.keys()).toHaveLength(1);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(["access-keys.json"]);
  expect((await openKeyStore(directory, 1000, 9)).keys()).toEqual(first.keys());
});

test("a rotation is seen by every process of the directory, and drops keys of dead tokens only", async () => {
  const one = await openKeyStore(directory, 1000, 0);
  const other = await openKeyStore(directory, 1000, 0);
  const [first] = one.keys();
  const second = await one.rotate(10_000);
  expect(other.keys().map(({ kid }) => kid)).toEqual([first?.kid, second.kid]);
  const third = await other.rotate(11_000);
  expect(one.keys().map(({ kid }) => kid)).toEqual([second.kid, third.kid]);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
});

test("a file that others may read, or that holds no keys, is refused with what to do", async () => {
  await openKeyStore(directory, 1000, 0);
  chmodSync(file(), 0o640);
  await expect(openKeyStore(directory, 1000, 0)).rejects.toThrow(/access-keys\.json.*chmod 600/);
  chmodSync(file(), 0o600);
  await openKeyStore(directory, 1000, 0);
  writeFileSync(file(), "{}");
  await expect(openKeyStore(directory, 1000, 0)).rejects.toThrow(/restore it/);
});
