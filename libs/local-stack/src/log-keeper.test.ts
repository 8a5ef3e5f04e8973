import { type ChildProcess, spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keepLogs, type LogKeeper, olderLogOf } from "./log-keeper.ts";

let folder: string;
let keeper: LogKeeper | undefined;
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hexhold-logs-"));
});

afterEach(() => {
  keeper?.stop();
  child?.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

test("a log that a process holds open stays within its size, and hardly a line is lost", async () => {
  const file = join(folder, "redis.log");
  const bytesMax = 20_000;
  // Waits for the keeper now and then: how soon that comes to look is the machine's.
  const script = `n=0; while [ $n -lt 6000 ]; do
    echo line $n; n=$((n+1))
    if [ $((n % 100)) -eq 0 ]; then while [ $(stat -c %s ${file}) -gt ${bytesMax} ]; do sleep 0.01; done; fi
  done`;
  keeper = keepLogs(folder, { bytesMax, everyMs: 1 });
  child = spawn("sh", ["-c", script], { stdio: ["ignore", openSync(file, "a"), "ignore"] });
  const sizes: number[] = [];
  const done = new Promise((resolve) => child?.once("exit", resolve));
  const timer = setInterval(() => sizes.push(statSync(file).size), 1);
  await done;
  clearInterval(timer);
  expect(Math.max(...sizes)).toBeLessThan(1.5 * bytesMax);
  expect(statSync(olderLogOf(file)).size).toBeGreaterThan(bytesMax / 2);
  const kept = `${readFileSync(olderLogOf(file), "utf8")}${readFileSync(file, "utf8")}`;
  const numbers = kept.match(/\d+/g)?.map(Number) ?? [];
  expect(numbers.at(-1)).toBe(5999);
  // In the microseconds of a cut, which a busy machine makes longer.
  const gaps = numbers.filter((n, i) => i > 0 && n !== numbers[i - 1]! + 1);
  expect(gaps.length).toBeLessThanOrEqual(1);
});

test("what cannot be kept is dropped, and said to be", async () => {
  const file = join(folder, "host.log");
  // No copy can be made there.
  mkdirSync(olderLogOf(file));
  writeFileSync(join(olderLogOf(file), "in the way"), "");
  writeFileSync(file, "x".repeat(1_000));
  keeper = keepLogs(folder, { bytesMax: 500, everyMs: 1 });
  await expect.poll(() => statSync(file).size).toBeLessThan(500);
});

test("a folder that is gone does not disturb", async () => {
  keeper = keepLogs(join(folder, "none"), { everyMs: 1 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(statSync(folder).isDirectory()).toBe(true);
});
