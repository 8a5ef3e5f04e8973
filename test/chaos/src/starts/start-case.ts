/** What the tests of failing starts share: a data directory for each, and what must hold of a start that fails. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeDataDir } from "@hexhold/local-stack";
import { afterEach, beforeEach, expect } from "vitest";
import { type Ended, type StartOptions, tryStart } from "./try-start.ts";

/** A data directory of one test. */
export interface StartCase {
  readonly dataDir: string;
  readonly tryStart: (options?: Omit<StartOptions, "dataDir">) => Promise<Ended>;
  /** Fails unless the start comes up and stops again with nothing left. */
  readonly expectStart: (options?: Omit<StartOptions, "dataDir">) => Promise<Ended>;
}

/** Sets up a data directory before each test of a file, and removes it afterwards. */
export function useStartCase(): StartCase {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "hexhold-starts-"));
  });
  afterEach(() => removeDataDir(dataDir));
  return {
    get dataDir() {
      return dataDir;
    },
    tryStart: (options = {}) => tryStart({ dataDir, ...options }),
    async expectStart(options = {}) {
      const ended = await tryStart({ dataDir, ...options });
      expect(ended.output).toMatch(/^ready in/m);
      expect(ended).toMatchObject({ how: "exit code 0", left: [] });
      return ended;
    },
  };
}

/** It failed as a start has to. */
export function expectFailure(ended: Ended, reason: RegExp): void {
  expect(ended).toMatchObject({ how: "exit code 1", left: [] });
  expect(ended.reason).toMatch(reason);
  // A sentence, not a trace.
  expect(ended.reason).not.toMatch(/^\s+at /m);
  expect(ended.reason.split("\n").length).toBeLessThanOrEqual(2);
}

interface SomeStatus {
  readonly ready: boolean;
  readonly pid: number;
}

export function statusOf(folder: string): SomeStatus | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "status.json"), "utf8")) as SomeStatus;
  } catch {
    return undefined;
  }
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

export function asUser(uid: number): string[] {
  return ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--"];
}

export async function withTmpfs(
  options: string,
  work: (place: string) => Promise<void>,
): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), "hexhold-small-"));
  await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", place]);
  try {
    await work(place);
  } finally {
    await run("umount", ["--lazy", place]);
    rmSync(place, { recursive: true });
  }
}

export async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: "inherit" });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  expect([command, ...args, code]).toEqual([command, ...args, 0]);
}
