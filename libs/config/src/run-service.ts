import { once } from "node:events";
import type { Environment } from "./load-config.ts";
import { exitWhenParentGone } from "./parent-watch.ts";

export interface RunningService {
  stop(): Promise<void>;
}

/**
 * Runs a service as a process of its own until SIGTERM or SIGINT, or until the process that started it is
 * gone. Sets the exit code: 0 after a clean stop, 1 when it could not start; then the reason is on standard
 * error, with its stack only under HEXHOLD_DEBUG.
 */
export async function runService(
  name: string,
  env: Environment,
  start: () => Promise<RunningService>,
): Promise<void> {
  const asked = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  const endWatch = exitWhenParentGone({ env });
  try {
    const running = await start();
    await asked;
    await running.stop();
  } catch (error) {
    const { message, stack } = error as Error;
    process.stderr.write(
      `${name}: ${env["HEXHOLD_DEBUG"] === undefined ? message : (stack ?? message)}\n`,
    );
    process.exitCode = 1;
  } finally {
    endWatch();
  }
}
