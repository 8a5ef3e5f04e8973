import { expect, it } from "vitest";
import type { Progress } from "./progress-lines.ts";
import { createProgressPrinter } from "./progress-printer.ts";

const transfers = {
  arrived: 5,
  returned: 1,
  unknown: 0,
  returnsByReason: {},
  p50Ms: 0,
  p95Ms: 0,
};

function progressAt(second: number, faults: readonly string[] = []): Progress {
  return {
    forMs: 20_000,
    bots: 3,
    last: { second, applied: 7, refused: 2, errors: 1, p95Ms: 4.25, online: 2 },
    totals: { applied: 70, refused: 20, errors: 10, transfers },
    faults,
  };
}

function shown(isTTY: boolean, all: readonly Progress[]): string {
  let text = "";
  const write = (part: string | Uint8Array): boolean => {
    text += part.toString();
    return true;
  };
  const printer = createProgressPrinter({ isTTY, write });
  for (const each of all) printer.show(each);
  return text;
}

it("tells a file the figures every 5 s, and each fault once", () => {
  const kill = ["kill worker-1 at 6.0 s"];
  const all = [0, 1, 2, 3, 4, 5].map((second) => progressAt(second));
  const text = shown(false, [...all, ...[6, 7, 8, 9].map((second) => progressAt(second, kill))]);
  const figures = "10/s  p95 4.3 ms  applied 70  refused 20  errors 10  transfers 5  online 2/3";
  expect(text).toBe(`    5 s  ${figures}\n         kill worker-1 at 6.0 s\n   10 s  ${figures}\n`);
});

it("draws on a terminal over what it drew before, a line for each thing", () => {
  const one = shown(true, [progressAt(0)]);
  const two = shown(true, [progressAt(0), progressAt(1)]);
  const lines = one.split("\n").length - 1;
  expect(lines).toBe(6);
  expect(two.slice(one.length)).toMatch(new RegExp(`^\\u001B\\[${lines}A  time      2 s of 20 s`));
});
