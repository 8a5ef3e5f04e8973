/** Signals for a service and everything below it, and when it can be reached again. */
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";

/** `pid` and all its descendants. */
export function treeOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // It has just ended.
    }
  }
  const tree = [pid];
  for (const each of tree) tree.push(...(children.get(each) ?? []));
  return tree;
}

export function signalTree(pid: number, signal: NodeJS.Signals): void {
  for (const each of treeOf(pid)) {
    try {
      process.kill(each, signal);
    } catch {
      // Gone already.
    }
  }
}

/** Resolves when `url`'s port takes connections; milliseconds since the call. */
export async function untilAccepts(url: string, msMax: number): Promise<number> {
  const { hostname, port } = new URL(url);
  const startedMs = performance.now();
  while (performance.now() - startedMs < msMax) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (open) return performance.now() - startedMs;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${hostname}:${port} takes no connections within ${msMax} ms`);
}
