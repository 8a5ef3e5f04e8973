import { once } from "node:events";
import { widenBufferPool } from "./buffer-pool.ts";
import type { Environment } from "./load-config.ts";
import { exitWhenParentGone } from "./parent-watch.ts";
import { storeRefusal } from "./store-refusal.ts";
import { createUnwind } from "./unwind.ts";

export interface RunningService {
  stop(): Promise<void>;
}

/**
 * Registers what is closed after the stop, or after a start that failed; the last registered first. The others wait 5 s
 * for each, longer than a bus takes for its confirms: what hangs is left to the end of the process.
 */
export type Defer = (close: () => Promise<void>) => void;

/** What a failed start has left open does not keep the process longer than this. */
const failedExitMs = 2000;
const closeMsMax = 5000;

/**
 * Runs a service as a process of its own until SIGTERM or SIGINT, or until the process that started it is
 * gone. Sets the exit code: 0 after a clean stop, 1 when it could not start; then the reason is on standard
 * error, with its stack only under HEXHOLD_DEBUG.
 */
export async function runService(
  name: string,
  env: Environment,
  start: (defer: Defer) => Promise<RunningService>,
): Promise<void> {
  widenBufferPool();
  const asked = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  const endWatch = exitWhenParentGone({ env });
  const closings = createUnwind();
  try {
    const running = await start((close) => closings.add("port", close, closeMsMax));
    await asked;
    await running.stop();
  } catch (error) {
    const { message, stack } = error as Error;
    const text =
      env["HEXHOLD_DEBUG"] === undefined ? (storeRefusal(error) ?? message) : (stack ?? message);
    process.stderr.write(`${name}: ${text}\n`);
    process.exitCode = 1;
    setTimeout(() => process.exit(), failedExitMs).unref();
  } finally {
    endWatch();
    await closings.run().catch(() => undefined);
  }
}
