import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { identityOf, openLedger, readLedger } from "@hexhold/local-stack";
import { restartDelayMs } from "./restart-delay.ts";
import {
  createSupervisor,
  type SupervisedOptions,
  type Supervisor,
  type SupervisorEvent,
} from "./supervisor.ts";

let folder: string;
let supervisor: Supervisor;
let events: SupervisorEvent[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hexhold-supervisor-"));
  events = [];
  supervisor = createSupervisor(openLedger(join(folder, "processes.json")), (event) => {
    events.push(event);
  });
});

afterEach(async () => {
  await supervisor.stop();
  rmSync(folder, { recursive: true });
});

function shell(name: string, script: string): SupervisedOptions {
  return {
    name,
    kind: "worker",
    command: "sh",
    args: ["-c", script],
    env: { PATH: process.env["PATH"] ?? "" },
    cwd: folder,
    logFile: join(folder, `${name}.log`),
    stopBoundMs: 300,
  };
}

const SLEEP = "exec sleep 60";

describe("a supervised process", () => {
  it("is restarted when it is asked to: SIGTERM first, another pid, no death told, however often", async () => {
    const script = 'trap "echo asked >> asked.txt; exit 0" TERM; while :; do sleep 0.02; done';
    const worker = await supervisor.startProcess(shell("worker-1", script));
    const pids = new Set([worker.pid]);
    for (let n = 1; n <= 4; n++) {
      // Time to set its trap.
      await new Promise((resolve) => setTimeout(resolve, 100));
      await worker.restart();
      pids.add(worker.pid);
    }
    expect(pids.size).toBe(5);
    expect(readFileSync(join(folder, "asked.txt"), "utf8")).toBe("asked\n".repeat(4));
    expect(events.map(({ type }) => type)).toEqual(["started", ...Array(4).fill("restarted")]);
  });

  it("is started again at once after a kill, with another pid, and stays in the ledger", async () => {
    const worker = await supervisor.startProcess(shell("worker-1", SLEEP));
    const firstPid = worker.pid;
    await worker.kill();
    await expect.poll(() => worker.restarts).toBe(1);
    expect(worker.pid).not.toBe(firstPid);
    expect(events.map(({ type }) => type)).toEqual(["started", "died", "restarted"]);
    expect(events[1]).toMatchObject({ how: "signal SIGKILL", delayMs: 0 });
    expect(readLedger(join(folder, "processes.json"))).toMatchObject([
      { name: "worker-1", pid: worker.pid },
    ]);
  });

  it("is started again ever more slowly while it keeps dying", async () => {
    await supervisor.startProcess(shell("worker-1", "sleep 0.02; exit 3"));
    await expect.poll(() => events.filter(({ type }) => type === "died").length).toBe(4);
    const delays = events.flatMap((event) => (event.type === "died" ? [event.delayMs] : []));
    expect(delays).toEqual([0, 100, 200, 400]);
    expect(events.find(({ type }) => type === "died")).toMatchObject({ how: "exit code 3" });
  });

  it("is not started again after stop, which is SIGTERM and, past the bound, SIGKILL", async () => {
    const polite = await supervisor.startProcess(
      shell("polite", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done"),
    );
    const deaf = await supervisor.startProcess(
      shell("deaf", "trap '' TERM; echo up; while :; do sleep 0.01; done"),
    );
    const pids = [polite.pid, deaf.pid];
    const log = (name: string): string => readFileSync(join(folder, `${name}.log`), "utf8");
    await expect.poll(() => [log("polite"), log("deaf")]).toEqual(["up\n", "up\n"]);
    await supervisor.stop();
    expect(log("polite")).toBe("up\nbye\n");
    expect(pids.map((pid) => identityOf(pid ?? 0))).toEqual([undefined, undefined]);
    expect(supervisor.processes()).toEqual([]);
    expect(events.filter(({ type }) => type === "died")).toEqual([]);
    expect(events.slice(-2)).toEqual([
      { type: "stopped", name: "deaf" },
      { type: "stopped", name: "polite" },
    ]);
  });

  it("is told who its parent is", async () => {
    await supervisor.startProcess(shell("worker-1", `echo $HEXHOLD_PARENT_PID; ${SLEEP}`));
    const log = join(folder, "worker-1.log");
    await expect.poll(() => readFileSync(log, "utf8")).toBe(`${process.pid}\n`);
  });

  it("cannot be supervised twice under one name, and fails when its command is missing", async () => {
    await supervisor.startProcess(shell("worker-1", SLEEP));
    await expect(supervisor.startProcess(shell("worker-1", SLEEP))).rejects.toThrow(
      /already supervised/,
    );
    const nothing = { ...shell("worker-2", ""), command: "/nowhere/node" };
    await expect(supervisor.startProcess(nothing)).rejects.toThrow(/worker-2/);
  });
});

describe("restartDelayMs", () => {
  it("is nothing, then doubles from 100 ms, and stays at 5 s", () => {
    expect([1, 2, 3, 4, 7, 8, 50].map((deaths) => restartDelayMs(deaths))).toEqual([
      0, 100, 200, 400, 3_200, 5_000, 5_000,
    ]);
  });
});
