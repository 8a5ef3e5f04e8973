/** Signals for a service and everything below it. Linux: reads /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** `pid` and all its descendants. */
export function treeOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch (error) {
      // It has just ended; whatever else it is would leave a part of the tree out.
      if (!["ENOENT", "ESRCH"].includes(codeOf(error))) throw error;
    }
  }
  const tree = [pid];
  for (const each of tree) tree.push(...(children.get(each) ?? []));
  return tree;
}

/**
 * Sends `signal` to `pid` and all its descendants, once each; those that are gone are passed over. A tree that is stopped is
 * read again until nothing in it is new: what was forked while it was read would go on else, and a frozen PostgreSQL
 * would have a connection that answers. What goes on may fork for ever, so it is read once.
 */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  const signalled = new Set<number>();
  for (;;) {
    const fresh = treeOf(pid).filter((each) => !signalled.has(each));
    if (fresh.length === 0) return;
    for (const each of fresh) {
      signalled.add(each);
      try {
        process.kill(each, signal);
      } catch (error) {
        // Gone already.
        if (codeOf(error) !== "ESRCH") throw error;
      }
    }
    if (signal !== "SIGSTOP") return;
  }
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}
