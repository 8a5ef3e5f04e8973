/** CPU time and memory of processes, from /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks a second; fixed on Linux. */
const ticksPerS = 100;

/** CPU seconds of `pid` so far, with everything below it if `deep`; 0 when it is gone. */
export function cpuSeconds(pid: number, deep: boolean): number {
  let ticks = 0;
  for (const each of deep ? treeOf(pid) : [pid]) {
    const fields = statOf(each);
    ticks += Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0);
  }
  return ticks / ticksPerS;
}

/** Resident memory of `pid` alone, MiB. */
export function residentMb(pid: number): number {
  return (Number(statOf(pid)?.[21] ?? 0) * 4096) / 1024 / 1024;
}

function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function treeOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(statOf(Number(entry))?.[1] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const tree = [pid];
  for (const each of tree) tree.push(...(children.get(each) ?? []));
  return tree;
}
