import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError } from "./config-error.ts";
import { environmentName, loadConfig, optionPath } from "./load-config.ts";

const schema = z.object({
  postgresUrl: z.string().optional(),
  gateway: z.strictObject({
    port: z.int().min(0).max(65_535).default(7600),
    socketsMax: z.int().min(1).default(1000),
    origins: z.array(z.string()).default([]),
    password: z.string().optional(),
  }),
});

let configDir: string;

beforeEach(() => {
  configDir = mkdtempSync(join(tmpdir(), "hexhold-config-"));
  writeFileSync(
    join(configDir, "base.yaml"),
    "gateway: {port: 1, socketsMax: 2}\nworker: {x: 1}\n",
  );
});

afterEach(() => {
  rmSync(configDir, { recursive: true });
});

function faultsOf(env: Record<string, string>, flags: Record<string, unknown> = {}): string[] {
  try {
    loadConfig(schema, { configDir, env, flags });
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.message.split("\n").slice(1);
    }
    throw error;
  }
  return [];
}

describe("loadConfig", () => {
  it("lets flags win over the environment, that over the file of the environment, that over base", () => {
    writeFileSync(join(configDir, "dev.yaml"), "gateway: {socketsMax: 3, port: 3}\n");
    const env = { HEXHOLD_GATEWAY__SOCKETS_MAX: "4" };
    expect(loadConfig(schema, { configDir, env }).gateway).toMatchObject({
      port: 3,
      socketsMax: 4,
    });
    const flags = { "gateway.socketsMax": "5", "gateway.port": undefined };
    expect(loadConfig(schema, { configDir, env, flags }).gateway).toMatchObject({
      port: 3,
      socketsMax: 5,
    });
  });

  it("takes defaults where no layer says anything, and works without any file", () => {
    rmSync(join(configDir, "base.yaml"));
    const env = { HEXHOLD_GATEWAY__PORT: "0" };
    expect(loadConfig(schema, { configDir, env }).gateway.socketsMax).toBe(1000);
  });

  it("reads text as the schema wants it: a list from YAML, digits as text for a text", () => {
    const env = {
      HEXHOLD_GATEWAY__ORIGINS: "[a.example, b.example]",
      HEXHOLD_GATEWAY__PASSWORD: "12345",
    };
    expect(loadConfig(schema, { configDir, env }).gateway).toMatchObject({
      origins: ["a.example", "b.example"],
      password: "12345",
    });
  });

  it("reads a secret from the file that …_FILE names, without its last line break", () => {
    const file = join(configDir, "secret");
    writeFileSync(file, "postgres://a:b@c/d\n");
    const env = { HEXHOLD_POSTGRES_URL_FILE: file };
    expect(loadConfig(schema, { configDir, env }).postgresUrl).toBe("postgres://a:b@c/d");
  });

  it("reports all faults together, each with option, expectation, value and origin", () => {
    const env = {
      HEXHOLD_GATEWAY__PORT: "70000",
      HEXHOLD_GATEWAY__SOCKETS_MAX: "many",
      HEXHOLD_GATEWAY__SOKETS_MAX: "9",
      HEXHOLD_POSTGRES_URL_FILE: "/nowhere/secret",
    };
    expect(faultsOf(env)).toEqual([
      '  postgresUrl: expected a file that can be read, got "/nowhere/secret" (HEXHOLD_POSTGRES_URL_FILE)',
      expect.stringMatching(/gateway\.port: expected .*65535, got 70000 \(HEXHOLD_GATEWAY__PORT\)/),
      '  gateway.socketsMax: expected number, got "many" (HEXHOLD_GATEWAY__SOCKETS_MAX)',
      '  gateway.soketsMax: expected an option that exists (did you mean HEXHOLD_GATEWAY__SOCKETS_MAX?), got "9" (HEXHOLD_GATEWAY__SOKETS_MAX)',
    ]);
  });

  it("refuses a value and a file for the same option", () => {
    const env = { HEXHOLD_POSTGRES_URL: "a", HEXHOLD_POSTGRES_URL_FILE: "b" };
    expect(faultsOf(env)).toEqual([expect.stringMatching(/either .* or .*, not both/)]);
  });

  it("shows neither a secret nor the password of a URL", () => {
    const text = [
      ...faultsOf({}, { "gateway.password": ["hunter2"] }),
      ...faultsOf({ HEXHOLD_GATEWAY__PORT: "amqp://u:hunter2@host" }),
    ].join("\n");
    expect(text).toContain("gateway.password");
    expect(text).toContain("u:***@host");
    expect(text).not.toContain("hunter2");
  });

  it("reports a file that is not YAML", () => {
    writeFileSync(join(configDir, "base.yaml"), "gateway: [");
    expect(faultsOf({ HEXHOLD_GATEWAY__PORT: "1" })).toEqual([
      expect.stringMatching(/base\.yaml: expected YAML/),
    ]);
  });
});

describe("environmentName", () => {
  it("is dev unless HEXHOLD_ENV says prod, and nothing else is taken", () => {
    expect(environmentName({})).toBe("dev");
    expect(environmentName({ HEXHOLD_ENV: "prod" })).toBe("prod");
    expect(() => environmentName({ HEXHOLD_ENV: "test" })).toThrow(/dev or prod/);
  });
});

describe("a variable that is nearly one", () => {
  it.each([
    ["HEXHOLD_GATEWAY_PORT", "7600", "HEXHOLD_GATEWAY__PORT"],
    ["HEXHOLD_GATEWAY_SOCKETS_MAX", "5", "HEXHOLD_GATEWAY__SOCKETS_MAX"],
    ["HEXHOLD_GATEWAY__SOCKET_MAX", "5", "HEXHOLD_GATEWAY__SOCKETS_MAX"],
    ["HEXHOLD_GATEWEY__PORT", "5", "HEXHOLD_GATEWAY__PORT"],
    ["HEXHOLD_POSTGRESS_URL", "postgres://x", "HEXHOLD_POSTGRES_URL"],
    ["HEXHOLD_MONGO_DB_URL", "mongodb://x", "HEXHOLD_MONGODB_URL"],
    ["HEXHOLD_DATADIR", "/x", "HEXHOLD_DATA_DIR"],
  ])("%s gets told what was meant", (variable, value, meant) => {
    expect(faultsOf({ [variable]: value })).toEqual([
      expect.stringContaining(`did you mean ${meant}?`),
    ]);
  });

  it("of a file is told the option", () => {
    writeFileSync(join(configDir, "dev.yaml"), "gateway: {socketMax: 3}\n");
    expect(faultsOf({})).toEqual([expect.stringContaining("did you mean gateway.socketsMax?")]);
  });

  it("is none where it is another process's, or Kubernetes' own", () => {
    const env = {
      HEXHOLD_WORKER__HEXES_MAX: "1",
      HEXHOLD_MARKET__PORT: "1",
      HEXHOLD_REDIS_URL: "redis://x",
      HEXHOLD_DEBUG: "1",
      HEXHOLD_GATEWAY_SERVICE_HOST: "10.0.0.7",
      HEXHOLD_GATEWAY_SERVICE_PORT: "7600",
      HEXHOLD_GATEWAY_SERVICE_PORT_HTTP: "7600",
      HEXHOLD_GATEWAY_PORT: "tcp://10.0.0.7:7600",
      HEXHOLD_GATEWAY_PORT_7600_TCP: "tcp://10.0.0.7:7600",
      HEXHOLD_GATEWAY_PORT_7600_TCP_PROTO: "tcp",
      HEXHOLD_GATEWAY_PORT_7600_TCP_PORT: "7600",
      HEXHOLD_GATEWAY_PORT_7600_TCP_ADDR: "10.0.0.7",
    };
    expect(faultsOf(env)).toEqual([]);
  });

  it("is reported with all other faults, a wrong HEXHOLD_ENV among them", () => {
    const env = { HEXHOLD_ENV: "staging", HEXHOLD_GATEWAY_PORT: "1", HEXHOLD_GATEWAY__PORT: "-1" };
    expect(faultsOf(env)).toHaveLength(3);
  });

  it("is not asked of a file that cannot be read: that is a fault of its own", () => {
    mkdirSync(join(configDir, "dev.yaml"));
    expect(faultsOf({})).toEqual([expect.stringContaining("a file that can be read")]);
  });
});

describe("optionPath", () => {
  it.each([
    ["HEXHOLD_GATEWAY__SOCKETS_MAX", ["gateway", "socketsMax"]],
    ["HEXHOLD_POSTGRES_URL", ["postgresUrl"]],
    ["HEXHOLD_A__B__C_D_2", ["a", "b", "cD2"]],
  ])("turns %s into %j", (variable, path) => {
    expect(optionPath(variable)).toEqual(path);
  });
});
