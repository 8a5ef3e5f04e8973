import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { descendantsOf, identityOf, isRunning, sendSignal } from "./process-identity.ts";
import { endLeftovers, LedgerDamaged, openLedger, readLedger } from "./process-ledger.ts";

let folder: string;
let file: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hexhold-ledger-"));
  file = join(folder, "processes.json");
});

afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
  }
  rmSync(folder, { recursive: true });
});

async function startSleeper(command = "sleep 60"): Promise<{ pid: number; startedAt: string }> {
  const child = spawn("sh", ["-c", command], { stdio: "ignore", detached: true });
  children.push(child);
  await new Promise((resolve) => child.once("spawn", resolve));
  const identity = child.pid === undefined ? undefined : identityOf(child.pid);
  if (identity === undefined) {
    throw new Error("the sleeper has not started");
  }
  return identity;
}

describe("endLeftovers", () => {
  it("ends a recorded process with its children, and names it", async () => {
    const identity = await startSleeper("sleep 60 & sleep 60 & wait");
    await expect.poll(() => descendantsOf(identity.pid).length).toBe(2);
    const grandchildren = descendantsOf(identity.pid);
    openLedger(file).record({ name: "redis", ...identity });
    expect((await endLeftovers(file)).ended).toEqual([{ name: "redis", ...identity }]);
    expect(isRunning(identity)).toBe(false);
    await expect
      .poll(() => grandchildren.filter((pid) => identityOf(pid) !== undefined))
      .toEqual([]);
  });

  it("ends one that is stopped by SIGSTOP", async () => {
    const identity = await startSleeper();
    openLedger(file).record({ name: "postgres", ...identity });
    sendSignal(identity.pid, "SIGSTOP");
    await endLeftovers(file);
    expect(isRunning(identity)).toBe(false);
  });

  it("leaves a stranger alone that has the pid but another start time", async () => {
    const stranger = await startSleeper();
    openLedger(file).record({ name: "redis", pid: stranger.pid, startedAt: "00000000:1" });
    expect((await endLeftovers(file)).ended).toEqual([]);
    expect(isRunning(stranger)).toBe(true);
  });

  it("does nothing when the process is gone, or the file missing", async () => {
    const identity = await startSleeper();
    sendSignal(identity.pid, "SIGKILL");
    await expect.poll(() => isRunning(identity)).toBe(false);
    openLedger(file).record({ name: "redis", ...identity });
    expect((await endLeftovers(file)).ended).toEqual([]);
    expect((await endLeftovers(join(folder, "nowhere"))).ended).toEqual([]);
  });

  it("sets a damaged ledger aside, and says so", async () => {
    writeFileSync(file, "{");
    expect(() => readLedger(file)).toThrow(LedgerDamaged);
    const { ended, warnings } = await endLeftovers(file);
    expect([ended, warnings]).toEqual([[], [expect.stringContaining(`${file}.damaged`)]]);
    expect(readLedger(file)).toEqual([]);
  });
});

describe("a ledger", () => {
  it("is on the disk after each record, and forgets only the very process", async () => {
    const [one, other] = [await startSleeper(), await startSleeper()];
    const ledger = openLedger(file);
    ledger.record({ name: "redis", ...one });
    ledger.record({ name: "epmd", ...other });
    expect(readLedger(file).map(({ name }) => name)).toEqual(["redis", "epmd"]);
    ledger.forget({ pid: one.pid, startedAt: "another" });
    ledger.forget(other);
    expect(readLedger(file).map(({ name }) => name)).toEqual(["redis"]);
  });
});

describe("a ledger that cannot be written", () => {
  it("forgets without a word, as its directory may be gone, and starts nothing", async () => {
    const [gone, late] = [await startSleeper(), await startSleeper()];
    const ledger = openLedger(file);
    ledger.record({ name: "redis", ...gone });
    renameSync(folder, `${folder}.away`);
    try {
      ledger.forget(gone);
      expect(ledger.entries()).toEqual([]);
      expect(() => ledger.record({ name: "postgres", ...late })).toThrow(
        /^postgres is not started: it is not there \(ENOENT\)/,
      );
      await expect.poll(() => isRunning(late)).toBe(false);
    } finally {
      renameSync(`${folder}.away`, folder);
    }
  });
});

describe("a ledger that ends all", () => {
  it("kills what it holds, and what comes too late, which it refuses", async () => {
    const [early, late] = [await startSleeper(), await startSleeper()];
    const ledger = openLedger(file);
    ledger.record({ name: "redis", ...early });
    ledger.endAllNow();
    expect(() => ledger.record({ name: "postgres", ...late })).toThrow(/postgres is not started/);
    await expect.poll(() => [isRunning(early), isRunning(late)]).toEqual([false, false]);
  });
});

describe("the identity of a process", () => {
  it("is the same each time, and none for a pid without process", () => {
    expect(identityOf(process.pid)).toEqual(identityOf(process.pid));
    expect(identityOf(2 ** 22 + 1)).toBeUndefined();
  });
});
