/** Brings planned faults about at their times, and watches what was killed come back. */
import { setTimeout as pause } from "node:timers/promises";
import type { WorldStatus } from "@hexhold/testing";
import type { Check } from "./checks.ts";
import { injectFault, pidNow, victimOf } from "./inject-fault.ts";
import type { FaultKind, PlannedFault } from "./planned-fault.ts";

/** A fault that was brought about. */
export interface Injected {
  readonly kind: FaultKind;
  /** `worker-1` */
  readonly name: string;
  /** Since the schedule began. */
  readonly atMs: number;
  /** Of a kill: until it ran again, under another pid; absent: it has not, or was frozen. */
  runsAgainMs?: number;
}

export interface FaultSchedule {
  /** So far, in the order of their times. */
  readonly injected: readonly Injected[];
  /**
   * Ends it: what is frozen goes on, what is still to come does not. Waits, at most a minute, until what was
   * killed runs again. Without planned faults there is nothing to check.
   */
  end(): Promise<Check[]>;
}

const lookEveryMs = 20;
const runsAgainMsMax = 60_000;

/**
 * Begins now. `statusOf` tells the pids of a moment; `onFault` hears of each fault, just before it. After the
 * abort of `signal` nothing is waited for.
 */
export function scheduleFaults(
  planned: readonly PlannedFault[],
  statusOf: () => WorldStatus,
  onFault: (nowMs: number) => void,
  signal: AbortSignal,
): FaultSchedule {
  const startMs = performance.now();
  const injected: Injected[] = [];
  const failures: string[] = [];
  const thaws: (() => void)[] = [];
  const watches: Promise<void>[] = [];
  const bringAbout = (fault: PlannedFault, nth: number): void => {
    try {
      const victim = victimOf(fault, nth, statusOf());
      const nowMs = performance.now();
      onFault(nowMs);
      thaws.push(injectFault(fault, victim));
      const done: Injected = {
        kind: fault.kind,
        name: victim.name,
        atMs: Math.round(nowMs - startMs),
      };
      injected.push(done);
      if (fault.kind === "kill") watches.push(watch(done, victim.pid, nowMs));
    } catch (error) {
      failures.push(`${fault.kind} ${fault.target}: ${(error as Error).message}`);
    }
  };
  const watch = async (done: Injected, pid: number, killedMs: number): Promise<void> => {
    while (!signal.aborted) {
      await pause(lookEveryMs);
      const nowMs = performance.now();
      const now = pidNowOf(done.name, statusOf);
      if (now !== undefined && now !== pid) {
        done.runsAgainMs = Math.round(nowMs - killedMs);
        return;
      }
      if (nowMs - killedMs > runsAgainMsMax) {
        failures.push(`${done.name} does not run again`);
        return;
      }
    }
  };
  const timers = planned.map((fault, n) => {
    const nth = planned.slice(0, n).filter(({ target }) => target === fault.target).length;
    return setTimeout(() => bringAbout(fault, nth), fault.atMs);
  });
  return {
    injected,
    async end() {
      for (const timer of timers) clearTimeout(timer);
      for (const thaw of thaws) thaw();
      await Promise.all(watches);
      if (planned.length === 0) return [];
      return [
        {
          name: "every fault was brought about, and what was killed runs again",
          passed: failures.length === 0 && injected.length === planned.length,
          detail: failures.length === 0 ? `${injected.length}` : failures.join("; "),
        },
      ];
    },
  };
}

/** Undefined also when there is no status: the world stops. */
function pidNowOf(name: string, statusOf: () => WorldStatus): number | undefined {
  try {
    return pidNow(name, statusOf());
  } catch {
    return undefined;
  }
}
