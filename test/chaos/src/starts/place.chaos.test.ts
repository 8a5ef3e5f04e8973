/** Starts that fail: exit code 1, one sentence with the reason, nothing left behind, and the next start works. A data directory that is somebody else's, read-only, in use, or too small. */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { removeDataDir } from "@hexhold/local-stack";
import { describe, expect, it } from "vitest";
import {
  asUser,
  expectFailure,
  isRoot,
  useStartCase,
  run,
  statusOf,
  withTmpfs,
} from "./start-case.ts";
import { tryStart } from "./try-start.ts";

const at = useStartCase();

describe("a start in the wrong place", () => {
  it.runIf(isRoot())("says that a folder of somebody else's is closed to it", async () => {
    chmodSync(at.dataDir, 0o755);
    const ended = await at.tryStart({ before: asUser(65_534) });
    expectFailure(
      ended,
      /cannot be used as data directory: this user may not \(EACCES\); it belongs to uid 0/,
    );
    await at.expectStart();
  });

  it.runIf(isRoot())(
    "says that a user without an entry in passwd cannot make a database",
    async () => {
      chmodSync(at.dataDir, 0o777);
      const ended = await at.tryStart({ before: asUser(54_321) });
      expectFailure(ended, /as uid 54321, which has no entry in \/etc\/passwd/);
      rmSync(at.dataDir, { recursive: true });
      mkdirSync(at.dataDir);
      await at.expectStart();
    },
  );

  it.runIf(isRoot())("says that a file system is read-only", async () => {
    await withTmpfs("size=1m", async (place) => {
      await run("mount", ["-o", "remount,ro", place]);
      expectFailure(
        await tryStart({ dataDir: join(place, "data") }),
        /its file system is read-only \(EROFS\)/,
      );
    });
  });

  it("says that another host has the directory, and leaves that one alone", async () => {
    const first = at.tryStart({ stopAt: /never/ });
    await expect.poll(() => statusOf(at.dataDir)?.ready, { timeout: 60_000 }).toBe(true);
    const second = await at.tryStart();
    expect(second.how).toBe("exit code 1");
    expect(second.reason).toMatch(/^Hexhold already runs in .* \(pid \d+\)\. Stop it/);
    expect(statusOf(at.dataDir)?.ready).toBe(true);
    process.kill(statusOf(at.dataDir)?.pid ?? 0, "SIGTERM");
    expect(await first).toMatchObject({ how: "exit code 0", left: [] });
  });

  it("ends, with its database, when its directory is removed while it runs", async () => {
    const first = at.tryStart({ stopAt: /never/, msMax: 90_000 });
    await expect.poll(() => statusOf(at.dataDir)?.ready, { timeout: 60_000 }).toBe(true);
    const { pid } = statusOf(at.dataDir) ?? { pid: 0 };
    removeDataDir(at.dataDir);
    process.kill(pid, "SIGTERM");
    const ended = await first;
    expect(ended.how).toMatch(/exit code [01]/);
    expect(ended.left).toEqual([]);
    expect(ended.ms).toBeLessThan(60_000);
  });
});

describe("a start on a disk that is too small", () => {
  // Root may use what is reserved, and PostgreSQL then runs as somebody else elsewhere.
  it.runIf(isRoot()).each([
    ["for its first file", "4k", /no space is left on the disk \(ENOSPC\)|ENOSPC/],
    ["for initdb", "36m", /initdb.*No space left on device/i],
    ["for the server", "40m", /No space left on device|could not extend file|ended while it was/],
    ["for the schemas", "42m", /cannot be brought up to date: could not extend file.*No space/],
  ])("says that there is no space %s (%s)", async (_step, size, reason) => {
    await withTmpfs(`size=${size},mode=777`, async (place) => {
      const small = {
        dataDir: join(place, "data"),
        before: asUser(65_534),
        env: { HOME: "/nonexistent" },
      };
      expectFailure(await tryStart(small), reason);
      await run("mount", ["-o", "remount,size=1g", place]);
      const next = await tryStart(small);
      expect(next.output).toMatch(/^ready in/m);
      expect(next).toMatchObject({ how: "exit code 0", left: [] });
    });
  });
});
