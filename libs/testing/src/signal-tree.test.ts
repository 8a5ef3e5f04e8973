import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { signalTree, treeOf } from "./signal-tree.ts";

/** As /proc has it: `T` = stopped, `Z` = it has ended. */
function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
}

test("a tree that forks all the time is stopped whole, each time", async () => {
  // They outlive each look.
  const forks = "while :; do sleep 30 & sleep 30 & sleep 0.001; done";
  const child = spawn("sh", ["-c", forks], { stdio: "ignore" });
  const pid = child.pid!;
  try {
    for (let i = 0; i < 30; i++) {
      await sleep(10);
      signalTree(pid, "SIGSTOP");
      const running = (): number[] =>
        treeOf(pid).filter((each) => !["T", "Z"].includes(stateOf(each)));
      // A signal takes a moment.
      await expect.poll(running, { timeout: 5_000, interval: 5 }).toEqual([]);
      signalTree(pid, "SIGCONT");
    }
  } finally {
    signalTree(pid, "SIGSTOP");
    signalTree(pid, "SIGKILL");
  }
});
