/** `hexctl up` as a process of its own, killed and stopped in every way. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CHECKOUT,
  lockOwner,
  processesOf,
  readLedger,
  removeDataDir,
  sendSignal,
} from "@hexhold/local-stack";
import { describe, expect, it } from "vitest";
import { readStatus, type Status } from "../status-file.ts";

const START_TIMEOUT_MS = 120_000;

describe("a host", () => {
  function startHost(dataDir: string): ChildProcess {
    return spawn(
      process.execPath,
      [join(CHECKOUT, "hexctl/src/main.ts"), "up", "--services", "postgres,redis,rabbitmq"],
      { env: { ...process.env, HEXHOLD_DATA_DIR: dataDir }, stdio: "ignore" },
    );
  }

  /** Of the host with that pid, or of whichever it is: a killed one leaves its status file behind. */
  async function untilReady(dataDir: string, pid?: number): Promise<Status> {
    await expect
      .poll(
        () => {
          const status = readStatus(join(dataDir, "status.json"));
          return status?.ready === true && (pid === undefined || status.pid === pid);
        },
        { timeout: START_TIMEOUT_MS },
      )
      .toBe(true);
    const status = readStatus(join(dataDir, "status.json"));
    if (status === undefined) {
      throw new Error("the status file has gone");
    }
    return status;
  }

  async function hexctl(dataDir: string, command: string): Promise<number | null> {
    const child = spawn(process.execPath, [join(CHECKOUT, "hexctl/src/main.ts"), command], {
      env: { ...process.env, HEXHOLD_DATA_DIR: dataDir },
      stdio: "ignore",
    });
    return await new Promise((resolve) => child.once("exit", resolve));
  }

  it(
    "that is killed leaves what was frozen to the next start, which ends it; then stop leaves nothing",
    async () => {
      const dataDir = mkdtempSync(join(tmpdir(), "hexhold-host-"));
      const host = startHost(dataDir);
      const status = await untilReady(dataDir);
      const frozen = status.services.postgres?.pid ?? 0;
      sendSignal(frozen, "SIGSTOP");
      host.kill("SIGKILL");
      await new Promise((resolve) => host.once("exit", resolve));
      expect(processesOf(dataDir)).toContain(frozen);
      expect(lockOwner(dataDir)).toBeUndefined();
      expect(await hexctl(dataDir, "status")).toBe(1);

      const next = startHost(dataDir);
      await untilReady(dataDir, next.pid);
      expect(processesOf(dataDir)).not.toContain(frozen);
      expect(await hexctl(dataDir, "status")).toBe(0);
      expect(await hexctl(dataDir, "up")).toBe(1);

      expect(await hexctl(dataDir, "stop")).toBe(0);
      expect(processesOf(dataDir)).toEqual([]);
      expect(readStatus(join(dataDir, "status.json"))).toBeUndefined();
      expect(await hexctl(dataDir, "stop")).toBe(0);
      removeDataDir(dataDir);
    },
    START_TIMEOUT_MS,
  );

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "that gets %s while it starts leaves nothing",
    async (signal) => {
      const dataDir = mkdtempSync(join(tmpdir(), "hexhold-host-"));
      const host = startHost(dataDir);
      const ledger = join(dataDir, "processes.json");
      await expect.poll(() => readLedger(ledger).length, { timeout: 10_000 }).toBeGreaterThan(0);
      host.kill(signal);
      expect(await new Promise((resolve) => host.once("exit", resolve))).toBe(0);
      expect(processesOf(dataDir)).toEqual([]);
      removeDataDir(dataDir);
    },
  );

  it("ends when the process that started it is gone", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "hexhold-host-"));
    const main = join(CHECKOUT, "hexctl/src/main.ts");
    const script = `"${process.execPath}" "${main}" up --services redis; true`;
    const shell = spawn("sh", ["-c", script], {
      env: { ...process.env, HEXHOLD_DATA_DIR: dataDir },
      stdio: "ignore",
    });
    await untilReady(dataDir);
    shell.kill("SIGKILL");
    await expect.poll(() => processesOf(dataDir), { timeout: 10_000 }).toEqual([]);
    removeDataDir(dataDir);
  });
});
