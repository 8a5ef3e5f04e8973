/** Runs one load after another and keeps a row of each. */
import { cpuSeconds, residentMb } from "./cpu.ts";
import { closedLoop } from "./closed-loop.ts";
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
  /** Closed loop of `once`, which does one thing of whatever kind; `n` counts from 0. */
  loop(
    name: string,
    pids: Pids,
    outstanding: number,
    once: (n: number) => Promise<void>,
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

  async function overSockets(
    name: string,
    target: LoadTarget,
    pids: Pids,
    outstanding: number,
    round: number,
    work: (load: LoadSockets) => Promise<LoadResult>,
  ): Promise<void> {
    const load = await openLoad(target, Math.min(options.sockets, Math.max(outstanding, 1)));
    await measure(name, pids, round, () => work(load));
    load.close();
  }

  async function measure(
    name: string,
    pids: Pids,
    round: number,
    work: () => Promise<LoadResult>,
  ): Promise<void> {
    // The bench is everybody's ancestor; servers have processes below them.
    const cpuOf = (pid: number): number => cpuSeconds(pid, pid !== process.pid);
    const before = Object.entries(pids).map(([process, pid]) => [process, cpuOf(pid)] as const);
    const startMs = performance.now();
    const result = await work();
    const share = result.seconds / ((performance.now() - startMs) / 1000);
    const cpuUs = Object.fromEntries(
      before.map(([process, seconds]) => [
        process,
        Math.round(
          ((cpuOf(pids[process]!) - seconds) * share * 1e6) / Math.max(result.commands, 1),
        ),
      ]),
    );
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
      overSockets(name, target, pids, outstanding, round, (load) =>
        load.run(outstanding, options.warmUpMs, options.measuredMs),
      ),
    each: (name, target, pids, count, outstanding) =>
      overSockets(name, target, pids, outstanding, 1, (load) => load.each(count, outstanding)),
    loop: (name, pids, outstanding, once) =>
      measure(name, pids, 1, () =>
        closedLoop(outstanding, options.warmUpMs, options.measuredMs, once),
      ),
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
