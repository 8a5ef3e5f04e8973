import { describe, expect, it } from "vitest";
import { freePorts } from "./free-ports.ts";
import { notHere, resolveFirst, ServiceNotFound, type ResolutionStep } from "./resolution.ts";
import { withoutPassword } from "./service-handle.ts";
import { serviceUrlsFrom } from "./service-urls.ts";

interface Found {
  readonly origin: string;
}

function step(
  source: ResolutionStep<Found>["source"],
  result: string | undefined,
  asked: string[] = [],
): ResolutionStep<Found> {
  return {
    source,
    attempt() {
      asked.push(source);
      return Promise.resolve(result === undefined ? notHere(`no ${source}`) : { origin: result });
    },
  };
}

describe("resolveFirst", () => {
  it("takes the first source that has the service and asks no further one", async () => {
    const asked: string[] = [];
    const steps = [
      step("system", undefined, asked),
      step("npm", "from npm", asked),
      step("apt", "from apt", asked),
    ];
    expect(await resolveFirst("Redis", steps, "")).toEqual({ origin: "from npm" });
    expect(asked).toEqual(["system", "npm"]);
  });

  it("passes over sources that are switched off", async () => {
    const asked: string[] = [];
    const steps = [step("system", "from system", asked), step("npm", "from npm", asked)];
    expect(await resolveFirst("Redis", steps, "", { sources: ["npm"] })).toEqual({
      origin: "from npm",
    });
    expect(asked).toEqual(["npm"]);
  });

  it("says for each source why it had none, and what to install", async () => {
    const steps = [step("system", undefined), step("apt", undefined)];
    const failure = resolveFirst("Redis", steps, "Install redis-server.");
    await expect(failure).rejects.toThrow(ServiceNotFound);
    await expect(failure).rejects.toThrow(
      "Redis cannot be had on this machine.\n  system: no system\n  apt: no apt\nInstall redis-server.",
    );
  });
});

describe("serviceUrlsFrom", () => {
  it("reads the four variables, and takes an empty one for none", () => {
    const env = {
      HEXHOLD_POSTGRES_URL: "postgres://h/d",
      HEXHOLD_REDIS_URL: "",
      HEXHOLD_RABBITMQ_URL: "amqp://h",
      HEXHOLD_MONGODB_URL: undefined,
    };
    expect(serviceUrlsFrom(env)).toEqual({ postgres: "postgres://h/d", rabbitmq: "amqp://h" });
  });
});

describe("freePorts", () => {
  it("gives different ports below the range of outgoing connections", async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
    expect(Math.max(...ports)).toBeLessThan(32_768);
  });
});

describe("withoutPassword", () => {
  it("hides the password and keeps the rest", () => {
    expect(withoutPassword("postgres://u:secret@h:1/d")).toBe("postgres://u:***@h:1/d");
    expect(withoutPassword("redis://h:1")).toBe("redis://h:1");
    expect(withoutPassword("nonsense secret")).not.toContain("secret");
  });
});
