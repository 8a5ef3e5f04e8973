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
  const forks = "while :; do sleep 0.2 & sleep 0.2 & sleep 0.001; done";
  const child = spawn("sh", ["-c", forks], { stdio: "ignore" });
  const pid = child.pid!;
  try {
    for (let i = 0; i < 30; i++) {
      await sleep(10);
      signalTree(pid, "SIGSTOP");
      // A signal takes a moment.
      await sleep(5);
      const running = treeOf(pid).filter((each) => !["T", "Z"].includes(stateOf(each)));
      expect(running).toEqual([]);
      signalTree(pid, "SIGCONT");
    }
  } finally {
    signalTree(pid, "SIGKILL");
  }
});
