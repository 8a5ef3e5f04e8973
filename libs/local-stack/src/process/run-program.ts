import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import type { FileLock } from "../file-lock.ts";
import type { SystemUser } from "./server-process.ts";
import { sentenceOf } from "./telling-line.ts";

export interface ProgramOptions {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Held by the program as well, so that it is seen when its host was killed. */
  readonly lock?: FileLock | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly user?: SystemUser | undefined;
  /** SIGKILL after it. Default: none. */
  readonly timeoutMs?: number;
}

/** Of each program's output, for the message of a failure. */
const outputCharsMax = 16_384;
/** A grandchild may keep the streams open after the program itself has ended. */
const streamsMsMax = 500;

/** Runs a program to its end. Rejects when it does not end with 0: what it printed last belongs to the message. */
export async function runProgram(options: ProgramOptions): Promise<void> {
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "pipe", "pipe", ...(options.lock === undefined ? [] : [options.lock.fd])],
    signal: options.signal,
    ...options.user,
    ...(options.timeoutMs === undefined
      ? {}
      : { timeout: options.timeoutMs, killSignal: "SIGKILL" as const }),
  });
  const notRun = Promise.withResolvers<never>();
  child.on("error", (error) =>
    notRun.reject(new Error(`${options.name} cannot be run: ${error.message}`, { cause: error })),
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("error", () => undefined);
    stream?.on("data", (text: string) => (output = `${output}${text}`.slice(-outputCharsMax)));
  }
  const closed = new Promise((resolve) => child.once("close", resolve));
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("exit", (code, signal) =>
      resolve(code === 0 ? undefined : signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  });
  const how = await Promise.race([ended, notRun.promise]);
  if (how === undefined) return;
  await Promise.race([closed, pause(streamsMsMax)]);
  throw new Error(sentenceOf(`${options.name} failed (${how})`, output));
}
