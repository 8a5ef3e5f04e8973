/**
 * The one way in which this process ends: whatever happens, the reason is said in a sentence and the exit code is 1.
 *
 *   running ──command settles──▶ ending ──▶ gone (at the latest after `exitMsMax`)
 *      │                           ▲
 *      └── a fault nobody caught, or nothing left to wait for ──┘
 */
import { runCli, sayError } from "./cli.ts";
import { tellFault } from "./host/faults.ts";

/** What a command has left open does not keep the process longer than this. */
const exitMsMax = 2000;
/** For the orderly stop of a host with a fault; longer than any of its services needs. */
const faultMsMax = 60_000;

export function runMain(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): void {
  let isSettled = false;
  const end = (code: number): void => {
    isSettled = true;
    process.exitCode = code;
    setTimeout(() => process.exit(), exitMsMax).unref();
  };
  const onFault = (error: unknown): void => {
    process.exitCode = 1;
    // A host stops its world in order and says the fault at its end.
    if (tellFault(error)) {
      setTimeout(() => process.exit(1), faultMsMax).unref();
      return;
    }
    if (!isSettled) sayError(error, env);
    end(1);
  };
  // A full disk or a reader that is gone: what is said there is lost, and nothing else.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  process.on("uncaughtException", onFault);
  process.on("unhandledRejection", onFault);
  process.on("beforeExit", () => {
    if (isSettled) return;
    isSettled = true;
    sayError(new Error("The command waits for something that can no longer happen."), env);
    process.exitCode = 1;
  });
  runCli(argv, env).then(end, (error: unknown) => {
    sayError(error, env);
    end(1);
  });
}
