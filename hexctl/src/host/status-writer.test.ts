import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readStatus } from "../status-file.ts";
import { openStatus } from "./status-writer.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hexhold-status-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("what cannot be written now is written as soon as it can be, and never throws", async () => {
  const file = join(folder, "status.json");
  const status = openStatus(file, "embedded");
  renameSync(folder, `${folder}.away`);
  status.update({ ready: true });
  renameSync(`${folder}.away`, folder);
  expect(readStatus(file)?.ready).toBe(false);
  await expect.poll(() => readStatus(file)?.ready, { timeout: 3_000 }).toBe(true);
  status.close();
  status.update({ ready: false });
  expect(existsSync(file)).toBe(false);
});

test("a first write that fails is the start's own failure, by name", () => {
  expect(() => openStatus(join(folder, "none", "status.json"), "embedded")).toThrow(
    /status\.json cannot be written: it is not there \(ENOENT\)/,
  );
});
