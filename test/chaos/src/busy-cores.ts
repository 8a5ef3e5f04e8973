import { readFileSync } from "node:fs";

/** Time of all cores since the machine began, in ticks. */
export interface CoreTime {
  readonly all: number;
  readonly idle: number;
}

/** Reads what Linux has counted (proc_stat(5)); a core that another machine has taken away is not idle. */
export function readCoreTime(): CoreTime {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  // user, nice, system, idle, iowait, irq, softirq, steal; guests are part of user and nice.
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const [, , , idle = 0, iowait = 0] = ticks;
  return { all: ticks.reduce((sum, each) => sum + each, 0), idle: idle + iowait };
}

/** Share of the cores' time, 0…1, in which they had something to do. */
export function busyShare(before: CoreTime, after: CoreTime): number {
  const all = after.all - before.all;
  return all === 0 ? 0 : 1 - (after.idle - before.idle) / all;
}
