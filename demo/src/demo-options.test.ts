import { expect, it } from "vitest";
import { readDemoOptions } from "./demo-options.ts";
import { parseDuration } from "./parse-duration.ts";
import { parseFault } from "./planned-fault.ts";

it("reads times with a unit, and no others", () => {
  expect(["500ms", "5s", "1.5m", "1h"].map(parseDuration)).toEqual([500, 5000, 90_000, 3_600_000]);
  expect(["5", "s", "-1s", "5 s", "1d", ""].map(parseDuration)).toEqual(Array(6).fill(undefined));
});

it("reads faults of kinds, of single processes and of services, and says what there is instead", () => {
  expect(parseFault("kill", "worker=5s")).toEqual({ kind: "kill", target: "worker", atMs: 5000 });
  expect(parseFault("freeze", "gateway-2=1m").target).toBe("gateway-2");
  expect(parseFault("kill", "postgres=2s").target).toBe("postgres");
  expect(() => parseFault("kill", "wurker=5s")).toThrow(/no "wurker" to kill: name one of worker,/);
  expect(() => parseFault("kill", "redis-2=5s")).toThrow(/no "redis-2"/);
  expect(() => parseFault("kill", "worker")).toThrow(/write what, "=" and when/);
});

it("puts faults in the order of their times, whatever their kinds", () => {
  const args = "--profile cluster --kill worker=20s --freeze router=5s --kill redis=10s".split(" ");
  const { faults } = readDemoOptions(args);
  expect(faults.map(({ target }) => target)).toEqual(["router", "redis", "worker"]);
});

it("refuses flags that do not go together, and says what would", () => {
  expect(() => readDemoOptions(["--workers", "2"])).toThrow(/need --profile cluster/);
  expect(() => readDemoOptions(["--kill", "worker=5s"])).toThrow(/add --profile cluster/);
  expect(() => readDemoOptions(["--kill", "redis=5s"])).toThrow(/does not use it/);
  expect(readDemoOptions(["--kill", "postgres=5s"]).faults).toHaveLength(1);
  expect(() => readDemoOptions(["--for", "10s", "--kill", "postgres=10s"])).toThrow(
    /comes after the end: bots play for 10 s/,
  );
});
