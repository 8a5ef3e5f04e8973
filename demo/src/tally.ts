/** What bots report, counted: bounded by the seconds of the run, however many commands there are. */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { CommandEnd, CommandKind } from "@hexhold/bots";

/** One second of the run. */
export interface Second {
  /** From 0. */
  readonly second: number;
  readonly applied: number;
  readonly refused: number;
  readonly errors: number;
  /** Of the commands that ended in it; 0 when none did. */
  readonly p95Ms: number;
  readonly online: number;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Crossings from hex to hex that were under way, and their ends. */
export interface Transfers {
  readonly arrived: number;
  readonly returned: number;
  /** Neither was to be learnt in 30 s. */
  readonly unknown: number;
  readonly returnsByReason: Readonly<Record<string, number>>;
  /** From the command to the arrival or return. */
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export interface Totals extends Latency {
  readonly transfers: Transfers;
  readonly commands: number;
  readonly applied: number;
  readonly refused: number;
  readonly errors: number;
  readonly byKind: Readonly<Partial<Record<CommandKind, number>>>;
  readonly refusalsByReason: Readonly<Record<string, number>>;
  readonly errorsByReason: Readonly<Record<string, number>>;
  /** Commands that no fault could touch, and how many of them were applied or refused within 5 s. */
  readonly undisturbed: { readonly commands: number; readonly inTime: number };
  /** DURABLE commands that a fault could touch, and how many of them were applied or refused in the end. */
  readonly disturbed: { readonly commands: number; readonly ended: number };
  /** DURABLE commands whose last word is UNKNOWN_OUTCOME, and walks outside faults. */
  readonly unknown: number;
}

export interface Tally {
  add(end: CommandEnd): void;
  /** A fault has been injected; commands that are under way within `shadowMs` of it are disturbed. */
  addFault(atMs: number): number;
  /** The longest time of a command that the fault could touch, as it is known now. */
  slowestMs(fault: number): number;
  /** All bots play: seconds count from now; what has ended before is in the totals alone. */
  begin(): void;
  /** Ends a second and begins the next. */
  tick(online: number): Second;
  readonly series: readonly Second[];
  totals(): Totals;
}

/** Promised: an answer within 5 s. */
export const answerMsMax = 5000;
/** A lease's time (10 s) and a bit: what a frozen worker costs. */
export const shadowMs = 15_000;

const usPerMs = 1000;
/** A command is given up long before. */
const latencyUsMax = 600_000_000;

export function createTally(): Tally {
  const all = newHistogram();
  const current = newHistogram();
  const series: Second[] = [];
  const counts = { applied: 0, refused: 0, error: 0 };
  const before = { ...counts };
  const byKind: Partial<Record<CommandKind, number>> = {};
  const refusalsByReason: Record<string, number> = {};
  const errorsByReason: Record<string, number> = {};
  const undisturbed = { commands: 0, inTime: 0 };
  const disturbed = { commands: 0, ended: 0 };
  const faults: { readonly atMs: number; slowestMs: number }[] = [];
  const crossings = newHistogram();
  const transfers = { arrived: 0, returned: 0, unknown: 0 };
  const returnsByReason: Record<string, number> = {};
  let unknown = 0;
  return {
    add(end) {
      const us = Math.max(1, Math.round(end.tookMs * usPerMs));
      all.record(us);
      current.record(us);
      counts[end.outcome]++;
      byKind[end.kind] = (byKind[end.kind] ?? 0) + 1;
      if (end.outcome === "refused") increment(refusalsByReason, end.reason);
      if (end.outcome === "error") increment(errorsByReason, end.reason);
      if (end.transfer !== undefined) {
        crossings.record(us);
        transfers[end.transfer.end]++;
        if (end.transfer.end === "returned") increment(returnsByReason, end.transfer.reason);
      }
      const near = faults.filter(({ atMs }) => touches(end, atMs));
      for (const fault of near) fault.slowestMs = Math.max(fault.slowestMs, end.tookMs);
      const isFinal = end.outcome !== "error";
      const isVolatile = end.kind === "walk";
      if (near.length === 0) {
        undisturbed.commands++;
        if (isFinal && end.tookMs <= answerMsMax) undisturbed.inTime++;
      } else if (!isVolatile) {
        disturbed.commands++;
        if (isFinal) disturbed.ended++;
      }
      if (end.unknown && (near.length === 0 || !isVolatile)) unknown++;
    },
    addFault: (atMs) => faults.push({ atMs, slowestMs: 0 }) - 1,
    slowestMs: (fault) => faults[fault]?.slowestMs ?? 0,
    begin() {
      Object.assign(before, counts);
      current.reset();
    },
    tick(online) {
      const second: Second = {
        second: series.length,
        applied: counts.applied - before.applied,
        refused: counts.refused - before.refused,
        errors: counts.error - before.error,
        p95Ms: current.count === 0 ? 0 : current.percentile(95) / usPerMs,
        online,
      };
      series.push(second);
      Object.assign(before, counts);
      current.reset();
      return second;
    },
    series,
    totals: () => ({
      commands: counts.applied + counts.refused + counts.error,
      applied: counts.applied,
      refused: counts.refused,
      errors: counts.error,
      ...latencyOf(all),
      transfers: {
        ...transfers,
        returnsByReason: { ...returnsByReason },
        p50Ms: latencyOf(crossings).p50Ms,
        p95Ms: latencyOf(crossings).p95Ms,
      },
      byKind: { ...byKind },
      refusalsByReason: { ...refusalsByReason },
      errorsByReason: { ...errorsByReason },
      undisturbed: { ...undisturbed },
      disturbed: { ...disturbed },
      unknown,
    }),
  };
}

/** Three significant digits, in whole microseconds. */
function newHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: latencyUsMax, figures: 3 });
}

function latencyOf(histogram: RecordableHistogram): Latency {
  const at = (percent: number): number =>
    histogram.count === 0 ? 0 : histogram.percentile(percent) / usPerMs;
  return {
    p50Ms: at(50),
    p95Ms: at(95),
    p99Ms: at(99),
    maxMs: histogram.count === 0 ? 0 : histogram.max / usPerMs,
  };
}

/** The command was under way at some time from the fault to the end of its shadow. */
function touches({ sentMs, tookMs }: CommandEnd, faultMs: number): boolean {
  return sentMs + tookMs >= faultMs && sentMs <= faultMs + shadowMs;
}

function increment(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
