import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DataDirInUse, DataDirUnusable, dataDirPath, lockOwner, openDataDir } from "./data-dir.ts";
import { identityOf } from "./process/process-identity.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hexhold-data-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("a data directory", () => {
  it("is used by one host at a time, who is named", async () => {
    const dataDir = await openDataDir(folder);
    await expect(openDataDir(folder)).rejects.toThrow(DataDirInUse);
    await expect(openDataDir(folder)).rejects.toThrow(new RegExp(`pid ${process.pid}`));
    dataDir.close();
    const next = await openDataDir(folder);
    next.close();
    expect(readdirSync(folder).toSorted()).toEqual(["lock", "logs", "processes.json"]);
  });

  it("takes a lock whose pid is now a stranger's: the pid is only a hint", async () => {
    writeFileSync(join(folder, "lock"), JSON.stringify(identityOf(process.pid)));
    expect(lockOwner(folder)).toBeUndefined();
    const dataDir = await openDataDir(folder);
    expect(lockOwner(folder)?.identity?.pid).toBe(process.pid);
    dataDir.close();
  });

  it("that cannot be made says why", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(openDataDir(join(folder, "file"))).rejects.toThrow(DataDirUnusable);
    await expect(openDataDir(join(folder, "file", "below"))).rejects.toThrow(
      /a file stands where a folder must be \(ENOTDIR\)/,
    );
  });

  it("can be closed when it is gone", async () => {
    const dataDir = await openDataDir(join(folder, "removed"));
    rmSync(join(folder, "removed"), { recursive: true });
    dataDir.close();
    const next = await openDataDir(join(folder, "removed"));
    expect(lockOwner(next.path)?.pid).toBe(process.pid);
    next.close();
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
