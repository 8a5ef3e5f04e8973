import type { BotsStats } from "@hexhold/bots";
import { expect, it } from "vitest";
import type { DemoResult } from "./result.ts";
import { summaryLines } from "./summary-lines.ts";
import { createTally } from "./tally.ts";

const tally = createTally();
for (const [kind, outcome, reason] of [
  ["gather", "applied", ""],
  ["gather", "refused", "depleted"],
  ["gather", "refused", "depleted"],
  ["gather", "refused", "offline"],
  ["walk", "error", "UNAVAILABLE bus-down"],
] as const) {
  tally.add({ kind, sentMs: 0, tookMs: 2000, outcome, reason, unknown: false });
}
tally.tick(2);
tally.tick(2);

const result: DemoResult = {
  format: 1,
  startedAt: "",
  machine: { cpus: 2, model: "", memoryMb: 1 },
  versions: {},
  world: { profile: "cluster", attached: false, processes: [] },
  bots: 2,
  pace: 4,
  seed: 1,
  seconds: 1,
  commands: { ...tally.totals(), perSecond: 5 },
  client: {
    welcomes: 3,
    states: 14,
    events: 12_345,
    gapsUnnoticed: 0,
    gapsNoticed: 4,
  } as BotsStats,
  faults: [
    { kind: "kill", name: "worker-1", atMs: 500, runsAgainMs: 70, slowestMs: 2000 },
    { kind: "freeze", name: "router-1", atMs: 1600, slowestMs: 3 },
  ],
  series: tally.series,
  checks: [
    { name: "this holds", passed: true, detail: "5" },
    { name: "that does not", passed: false, detail: "6" },
  ],
  passed: 1,
  failed: 1,
};
const lines = summaryLines(result).map((line) => line.trim());

it("says commands, refusals by reason, errors, latencies and views", () => {
  expect(lines).toEqual(
    expect.arrayContaining([
      "commands  5 in 1 s, 5/s: gather 4, walk 1",
      "answers   applied 1, refused 3, errors 1",
      "errors: UNAVAILABLE bus-down 1",
      expect.stringMatching(/^latency {3}p50 2\.00 s, p95 2\.00 s, p99 2\.00 s, slowest 2\.00 s$/),
      "views     14 states, 12,345 events, gaps 0 unnoticed, 4 healed",
    ]),
  );
  expect(lines.filter((line) => line.startsWith("refused:"))).toEqual([
    "refused: depleted 2",
    "refused: offline 1",
  ]);
});

it("says each fault and what it cost, marks it in the plot, and says which checks failed", () => {
  expect(lines).toEqual(
    expect.arrayContaining([
      "fault     kill worker-1 at 0.5 s: runs again after 70.0 ms, the slowest command near it took 2.00 s",
      "fault     freeze router-1 at 1.6 s: the slowest command near it took 3.0 ms",
      "4 ┤█",
      "✔ this holds (5)",
      "✘ that does not (6)",
    ]),
  );
  // Two seconds, two columns.
  expect(summaryLines(result)).toEqual(
    expect.arrayContaining(["     ▲ kill worker-1 at 0.5 s", "      ▲ freeze router-1 at 1.6 s"]),
  );
});
