import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { readRouterConfig } from "./config.ts";

const configDir = mkdtempSync(path.join(tmpdir(), "hexhold-router-"));
const base = {
  HEXHOLD_POSTGRES_URL: "postgres://hexhold_router:x@127.0.0.1:5432/world",
  HEXHOLD_WORLD__PARTITIONS: "8",
};
const read = (env: Record<string, string>) => readRouterConfig({ configDir, env }, "1");

test("defaults: any control port, admin port 7601, loopback, 10 s, tokens that nobody knows", () => {
  const config = read(base);
  expect(config).toMatchObject({
    instance: "router-1",
    host: "127.0.0.1",
    controlPort: 0,
    adminPort: 7601,
    leaseTtlMs: 10_000,
    world: { partitions: 8 },
  });
  expect(config.adminToken).toHaveLength(32);
  expect(config.adminToken).not.toBe(config.controlToken);
  expect(config.redis).toBeUndefined();
  expect(config.world.game).toBeUndefined();
  expect(read({ ...base, HEXHOLD_WORLD__GAME: "flowers" }).world.game).toBe("flowers");
});

test("in production the tokens must be given", () => {
  const production = { ...base, HEXHOLD_ENV: "prod" };
  expect(() => read(production)).toThrow(/router\.adminToken and cluster\.controlToken/);
  const given = {
    ...production,
    HEXHOLD_ROUTER__ADMIN_TOKEN: "a".repeat(16),
    HEXHOLD_CLUSTER__CONTROL_TOKEN: "b".repeat(16),
  };
  expect(read(given).controlToken).toBe("b".repeat(16));
});

test("all faults come together", () => {
  const env = { HEXHOLD_WORLD__PARTITIONS: "12", HEXHOLD_ROUTER__ADMIN_PORT: "99999" };
  expect(() => read(env)).toThrow(
    /world\.partitions[^]*router\.adminPort|router\.adminPort[^]*world\.partitions/,
  );
  expect(() => read(env)).toThrow(/postgresUrl/);
});
