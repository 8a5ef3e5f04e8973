import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DataDirInUse, dataDirPath, lockOwner, openDataDir } from "./data-dir.ts";
import { identityOf } from "./process/process-identity.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hexhold-data-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("a data directory", () => {
  it("is used by one host at a time, who is named to the second", async () => {
    const dataDir = await openDataDir(folder);
    await expect(openDataDir(folder)).rejects.toThrow(DataDirInUse);
    await expect(openDataDir(folder)).rejects.toThrow(new RegExp(`pid ${process.pid}`));
    dataDir.close();
    const next = await openDataDir(folder);
    next.close();
    expect(readdirSync(folder).toSorted()).toEqual(["logs", "processes.json"]);
  });

  it("keeps the lock of a live host of another process, and takes that of a dead one", async () => {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    await new Promise((resolve) => child.once("spawn", resolve));
    const owner = identityOf(child.pid ?? 0);
    writeFileSync(join(folder, "lock"), JSON.stringify(owner));
    await expect(openDataDir(folder)).rejects.toThrow(`pid ${child.pid}`);
    expect(lockOwner(folder)).toEqual(owner);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    expect(lockOwner(folder)).toBeUndefined();
    (await openDataDir(folder)).close();
  });

  it("takes a lock whose pid is now a stranger's", async () => {
    const lock = { pid: process.pid, startedAt: "00000000:1" };
    writeFileSync(join(folder, "lock"), JSON.stringify(lock));
    const dataDir = await openDataDir(folder);
    expect(lockOwner(folder)?.pid).toBe(process.pid);
    dataDir.close();
  });

  it("loses the status file of a killed run when it is opened", async () => {
    writeFileSync(join(folder, "status.json"), "{}");
    const dataDir = await openDataDir(folder);
    expect(existsSync(dataDir.statusFile)).toBe(false);
    dataDir.close();
  });
});

describe("dataDirPath", () => {
  it("is .data in the checkout unless HEXHOLD_DATA_DIR moves it", () => {
    expect(dataDirPath("/repo", {})).toBe("/repo/.data");
    expect(dataDirPath("/repo", { HEXHOLD_DATA_DIR: "" })).toBe("/repo/.data");
    expect(dataDirPath("/repo", { HEXHOLD_DATA_DIR: "/elsewhere" })).toBe("/elsewhere");
    expect(dataDirPath("/repo", { HEXHOLD_DATA_DIR: "other" })).toBe("/repo/other");
  });
});
