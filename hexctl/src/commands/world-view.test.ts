import { expect, it } from "vitest";
import { countersOf, type WorldView, worldLines } from "./world-view.ts";

const view = (answers: Record<string, number>, more: Partial<WorldView> = {}): WorldView => ({
  owners: [
    { owner: "worker-1", slots: ["cmd.p0", "cmd.p2"], stalled: [] },
    { owner: "worker-2", slots: ["cmd.p1"], stalled: ["cmd.p1"] },
  ],
  queues: [],
  answers: new Map(Object.entries(answers)),
  ...more,
});

it("reads the workers' counters from a text of Prometheus, and nothing else", () => {
  const text = [
    "# TYPE hexhold_worker_commands_total counter",
    'hexhold_worker_commands_total{outcome="applied"} 12',
    'hexhold_worker_commands_total{outcome="dead-lettered"} 1.5e+6',
    'hexhold_worker_retries_total{cause="store"} 3',
  ].join("\n");
  expect(countersOf(text)).toEqual([
    ["applied", 12],
    ["dead-lettered", 1_500_000],
  ]);
});

it("says who has which slots, what is not served, what waits, and how much was answered", () => {
  const lines = worldLines(
    view({ applied: 3, refused: 1 }, { queues: [{ name: "cmd.p1", ready: 4, inHand: 1 }] }),
  );
  expect(lines).toEqual([
    "  worker-1       2 slots  cmd.p0 cmd.p2",
    "  worker-2       1 slots  cmd.p1, not served: cmd.p1",
    "  waiting       cmd.p1 4+1",
    "  answered      4 commands since the workers started",
  ]);
});

it("turns two looks into rates, and takes a counter that fell for a restart", () => {
  const before = { view: view({ applied: 100, refused: 50 }), seconds: 2 };
  expect(worldLines(view({ applied: 150, refused: 10 }), before).at(-1)).toBe(
    "  answers       applied 25/s",
  );
  expect(worldLines(view({ applied: 100, refused: 50 }), before).at(-1)).toBe(
    "  answers       none",
  );
  expect(worldLines(view({}), before)[2]).toBe("  all queues are empty");
});
