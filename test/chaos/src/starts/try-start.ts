/** A start that is to fail: what it said, how it ended, and what it has left. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT, lockOwner, processesOf, statusFileOf } from "@hexhold/local-stack";

export interface StartOptions {
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** Command that runs node, e.g. `setpriv …`. */
  readonly before?: readonly string[];
  /** SIGKILL as soon as the output matches. */
  readonly killAt?: RegExp;
  /** SIGTERM as soon as the output matches. Default: the world is ready. */
  readonly stopAt?: RegExp;
  /** Default 60 s: a start that hangs fails its test. */
  readonly msMax?: number;
}

export interface Ended {
  /** Of the process; `signal SIGKILL` and so on, or `still running`. */
  readonly how: string;
  readonly output: string;
  /** The last sentence on standard error: the reason. */
  readonly reason: string;
  readonly ms: number;
  /** Processes, lock, status file: all that a start may not leave. */
  readonly left: readonly string[];
}

export async function tryStart(options: StartOptions): Promise<Ended> {
  const [command, ...args] = [
    ...(options.before ?? []),
    process.execPath,
    join(CHECKOUT, "hexctl/src/main.ts"),
    "start",
    ...(options.flags ?? []),
  ];
  const startedMs = performance.now();
  const child = spawn(command ?? "", args, {
    cwd: CHECKOUT,
    env: {
      ...process.env,
      HEXHOLD_DATA_DIR: options.dataDir,
      HEXHOLD_GATEWAY__PORT: "0",
      HEXHOLD_ROUTER__ADMIN_PORT: "0",
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  let isSignalled = false;
  const see = (text: string): void => {
    output += text;
    if (isSignalled) return;
    const kill = options.killAt?.test(output) === true;
    if (kill || (options.stopAt ?? /^ready in[\s\S]*admin/m).test(output)) {
      isSignalled = true;
      child.kill(kill ? "SIGKILL" : "SIGTERM");
    }
  };
  child.stdout.setEncoding("utf8").on("data", see);
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
    see(text);
  });
  const how = await new Promise<string>((resolve) => {
    const timer = setTimeout(() => {
      resolve("still running");
      child.kill("SIGKILL");
    }, options.msMax ?? 60_000);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`);
    });
  });
  const reason = errors
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("  | "))
    .join("\n");
  const ms = performance.now() - startedMs;
  return { how, output, reason, ms, left: leftIn(options.dataDir) };
}

function leftIn(dataDir: string): string[] {
  const processes = processesOf(dataDir).map((pid) => `process ${pid} ${commandOf(pid)}`);
  const files = entriesOf(dataDir).filter(
    (name) => join(dataDir, name) === statusFileOf(dataDir) || name.endsWith(".new"),
  );
  return [...processes, ...files, ...(lockOwner(dataDir) === undefined ? [] : ["lock"])];
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").slice(0, 120);
  } catch {
    return "(gone meanwhile)";
  }
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
