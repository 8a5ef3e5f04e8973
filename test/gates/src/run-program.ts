import { spawn } from "node:child_process";
import path from "node:path";
import { repositoryRoot } from "./generate.ts";

export interface ProgramEnd {
  readonly ok: boolean;
  /** Standard output and standard error, in the order in which they came. */
  readonly output: string;
}

export interface ProgramOptions {
  /** Default: the root of the repository. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Ended with SIGKILL after so long. Default 120 s: every gate is meant to take far less. */
  readonly timeoutMs?: number;
}

/**
 * Runs a program, looked up first in the repository's `node_modules/.bin`, and keeps what it prints.
 * Never rejects: a program that cannot be started is one that failed, and its output says why.
 */
export function runProgram(
  name: string,
  args: readonly string[],
  { cwd = repositoryRoot, env = {}, timeoutMs = 120_000 }: ProgramOptions = {},
): Promise<ProgramEnd> {
  const bin = path.join(repositoryRoot, "node_modules/.bin");
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(name, [...args], {
      cwd,
      env: {
        ...process.env,
        NO_COLOR: "1",
        FORCE_COLOR: undefined,
        ...env,
        PATH: `${bin}${path.delimiter}${process.env["PATH"] ?? ""}`,
      },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", (error) => {
      resolve({ ok: false, output: `${name} could not be started: ${error.message}` });
    });
    child.on("close", (code, signal) => {
      const ending = signal === null ? "" : `\n${name} was ended by ${signal}`;
      resolve({ ok: code === 0, output: `${output.trim()}${ending}` });
    });
  });
}
