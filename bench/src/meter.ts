/** Runs one load after another and keeps a row of each. */
import { cpuSeconds, residentMb } from "./cpu.ts";
import { type LoadResult, type LoadSockets, type LoadTarget, openLoad } from "./load.ts";
import type { Pids } from "./pids.ts";

export interface Row extends LoadResult {
  readonly target: string;
  readonly round: number;
  /** CPU microseconds a command, by process. */
  readonly cpuUs: Readonly<Record<string, number>>;
  readonly residentMb: Readonly<Record<string, number>>;
}

export interface MeterOptions {
  readonly sockets: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

export interface Meter {
  readonly rows: readonly Row[];
  /** Closed loop for the time of the options. */
  run(
    name: string,
    target: LoadTarget,
    pids: Pids,
    outstanding: number,
    round: number,
  ): Promise<void>;
  /** `count` commands, each once. */
  each(
    name: string,
    target: LoadTarget,
    pids: Pids,
    count: number,
    outstanding: number,
  ): Promise<void>;
}

export function createMeter(options: MeterOptions): Meter {
  const rows: Row[] = [];

  async function measure(
    name: string,
    target: LoadTarget,
    pids: Pids,
    outstanding: number,
    round: number,
    work: (load: LoadSockets) => Promise<LoadResult>,
  ): Promise<void> {
    const load = await openLoad(target, Math.min(options.sockets, Math.max(outstanding, 1)));
    // The bench is everybody's ancestor; servers have processes below them.
    const cpuOf = (pid: number): number => cpuSeconds(pid, pid !== process.pid);
    const before = Object.entries(pids).map(([process, pid]) => [process, cpuOf(pid)] as const);
    const startMs = performance.now();
    const result = await work(load);
    const share = result.seconds / ((performance.now() - startMs) / 1000);
    const cpuUs = Object.fromEntries(
      before.map(([process, seconds]) => [
        process,
        Math.round(
          ((cpuOf(pids[process]!) - seconds) * share * 1e6) / Math.max(result.commands, 1),
        ),
      ]),
    );
    load.close();
    const memory = Object.fromEntries(
      Object.entries(pids).map(([process, pid]) => [process, Math.round(residentMb(pid))]),
    );
    const row: Row = { target: name, round, ...result, cpuUs, residentMb: memory };
    rows.push(row);
    print(row);
  }

  return {
    rows,
    run: (name, target, pids, outstanding, round) =>
      measure(name, target, pids, outstanding, round, (load) =>
        load.run(outstanding, options.warmUpMs, options.measuredMs),
      ),
    each: (name, target, pids, count, outstanding) =>
      measure(name, target, pids, outstanding, 1, (load) => load.each(count, outstanding)),
  };
}

function print(row: Row): void {
  const list = (numbers: Readonly<Record<string, number>>): string =>
    Object.entries(numbers)
      .map(([process, number]) => `${process} ${number}`)
      .join(", ");
  const ms = (value: number): string => value.toFixed(1);
  console.log(
    `${row.target.padEnd(11)} @${String(row.outstanding).padEnd(5)} ` +
      `${Math.round(row.perSecond).toString().padStart(6)}/s  ` +
      `p50 ${ms(row.p50Ms)}  p95 ${ms(row.p95Ms)}  p99 ${ms(row.p99Ms)} ms  ` +
      `events ${row.otherFrames}\n    CPU us a command: ${list(row.cpuUs)}; ` +
      `resident MiB: ${list(row.residentMb)}`,
  );
}
