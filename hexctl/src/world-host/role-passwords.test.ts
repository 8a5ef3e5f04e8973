import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadHostSecrets } from "./role-passwords.ts";

let dataDir: string;
const file = (): string => join(dataDir, "host-secrets.json");

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "hexhold-secrets-"));
});

afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

test("secrets are made once and stay what they are", () => {
  const first = loadHostSecrets(dataDir);
  expect(loadHostSecrets(dataDir)).toEqual(first);
});

test("a role that an earlier version did not have gets a password, and nothing else changes", () => {
  const first = loadHostSecrets(dataDir);
  const { hexhold_inventory: _new, ...roles } = first.roles;
  writeFileSync(file(), JSON.stringify({ ...first, roles }));
  const second = loadHostSecrets(dataDir);
  expect(second).toEqual({
    ...first,
    roles: { ...first.roles, hexhold_inventory: expect.stringMatching(/^.{20,}$/) as string },
  });
  expect(second.roles["hexhold_inventory"]).not.toBe(first.roles["hexhold_inventory"]);
  expect(JSON.parse(readFileSync(file(), "utf8"))).toEqual(second);
});
