import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadHostSecrets, urlOfRole } from "./role-passwords.ts";

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

test("a file of an earlier version gets a suffix for its logins, once", () => {
  const { loginSuffix: _new, ...first } = loadHostSecrets(dataDir);
  writeFileSync(file(), JSON.stringify(first));
  const second = loadHostSecrets(dataDir);
  expect(second).toEqual({
    ...first,
    loginSuffix: expect.stringMatching(/^[a-z0-9]{8}$/) as string,
  });
  expect(loadHostSecrets(dataDir)).toEqual(second);
  const url = new URL(
    urlOfRole("postgres://postgres:x@127.0.0.1:5432/db", "hexhold_worker", second),
  );
  expect(url.username).toBe(`hexhold_worker_${second.loginSuffix}`);
  expect(url.password).toBe(second.roles["hexhold_worker"]);
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
