/** Commands of hexctl, the way an operator gives them. */
import { execFile } from "node:child_process";
import path from "node:path";

export interface HexctlEnd {
  readonly exitCode: number;
  /** What it said. */
  readonly output: string;
  /** Errors, and the progress of long work. */
  readonly errors: string;
}

const root = path.resolve(import.meta.dirname, "../..");
const bytesMax = 16 * 1024 * 1024;
/** A drain may take a minute, and so may the fold of a long journal. */
const runMsMax = 300_000;

/** Runs `hexctl <args>` on the world of `dataDir`. Never rejects: what cannot be run has exit code −1. */
export function runHexctl(dataDir: string, ...args: readonly string[]): Promise<HexctlEnd> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [path.join(root, "hexctl/src/main.ts"), ...args],
      {
        cwd: root,
        env: { ...process.env, HEXHOLD_DATA_DIR: dataDir },
        maxBuffer: bytesMax,
        timeout: runMsMax,
      },
      (_error, stdout, stderr) =>
        resolve({
          exitCode: child.exitCode ?? -1,
          output: stdout.trim(),
          errors: stderr.trim(),
        }),
    );
  });
}
