import type { CommandEnd } from "@hexhold/bots";
import { expect, it } from "vitest";
import { createTally } from "./tally.ts";

function end(changes: Partial<CommandEnd> = {}): CommandEnd {
  return {
    kind: "gather",
    sentMs: 1000,
    tookMs: 10,
    outcome: "applied",
    reason: "",
    unknown: false,
    ...changes,
  };
}

const lost = { outcome: "error", reason: "UNKNOWN_OUTCOME given-up", unknown: true } as const;

it("counts outcomes by kind and reason, and latencies to three digits", () => {
  const tally = createTally();
  for (let ms = 1; ms <= 100; ms++) tally.add(end({ tookMs: ms }));
  tally.add(end({ kind: "walk", outcome: "refused", reason: "depleted", tookMs: 1 }));
  const totals = tally.totals();
  expect(totals).toMatchObject({
    commands: 101,
    applied: 100,
    refused: 1,
    byKind: { gather: 100, walk: 1 },
    refusalsByReason: { depleted: 1 },
  });
  expect(totals.p50Ms).toBeCloseTo(50, 0);
  expect(totals.p99Ms).toBeCloseTo(99, 0);
});

it("keeps a row of each second, without what came before the beginning", () => {
  const tally = createTally();
  tally.add(end());
  tally.begin();
  tally.add(end({ tookMs: 20 }));
  tally.add(end({ outcome: "refused", tookMs: 20 }));
  tally.tick(3);
  tally.add(end(lost));
  tally.tick(2);
  tally.tick(3);
  expect(tally.series).toMatchObject([
    { second: 0, applied: 1, refused: 1, errors: 0, online: 3 },
    { second: 1, applied: 0, refused: 0, errors: 1, online: 2 },
    { second: 2, applied: 0, p95Ms: 0 },
  ]);
  expect(tally.series[0]!.p95Ms).toBeCloseTo(20, 1);
});

it("holds commands against the 5 s unless a fault could touch them", () => {
  const tally = createTally();
  const fault = tally.addFault(10_000);
  tally.add(end({ sentMs: 1000, tookMs: 5001 }));
  tally.add(end({ sentMs: 1000, tookMs: 4999 }));
  tally.add(end({ sentMs: 9000, tookMs: 6000 }));
  tally.add(end({ sentMs: 25_000, tookMs: 7000 }));
  tally.add(end({ sentMs: 25_001, tookMs: 1 }));
  const { undisturbed, disturbed } = tally.totals();
  expect(undisturbed).toEqual({ commands: 3, inTime: 2 });
  expect(disturbed).toEqual({ commands: 2, ended: 2 });
  expect(tally.slowestMs(fault)).toBe(7000);
});

it("counts an unknown outcome of each durable command, of a walk only where there was no fault", () => {
  const tally = createTally();
  tally.addFault(10_000);
  tally.add(end({ ...lost, sentMs: 10_000 }));
  tally.add(end({ ...lost, sentMs: 10_000, kind: "walk" }));
  tally.add(end({ ...lost, sentMs: 1000, kind: "walk" }));
  expect(tally.totals()).toMatchObject({ unknown: 2, disturbed: { commands: 1, ended: 0 } });
});

it("counts how transfers ended, and how long they took", () => {
  const tally = createTally();
  const crossed = (transfer: CommandEnd["transfer"], tookMs: number): CommandEnd =>
    end({ kind: "cross", tookMs, ...(transfer === undefined ? {} : { transfer }) });
  tally.add(crossed({ end: "arrived" }, 30));
  tally.add(crossed({ end: "arrived" }, 30));
  tally.add(crossed({ end: "returned", reason: "hex-full" }, 90));
  tally.add(crossed({ end: "unknown" }, 90));
  tally.add(end({ kind: "cross", outcome: "refused", reason: "offline", tookMs: 1 }));
  const { transfers } = tally.totals();
  expect(transfers).toMatchObject({
    arrived: 2,
    returned: 1,
    unknown: 1,
  });
  expect(transfers.returnsByReason).toEqual({ "hex-full": 1 });
  expect(transfers.p50Ms).toBeCloseTo(30, 1);
  expect(transfers.p95Ms).toBeCloseTo(90, 0);
});
