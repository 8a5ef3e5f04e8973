import type { Logger } from "@hexhold/telemetry";
import type { Database } from "./database.ts";
import { sweepLogins } from "./login-rows.ts";

/** A start has better things to do; a process that is restarted more often than hourly still has its turn. */
const firstAfterMs = 30_000;
const everyMs = 3_600_000;
/** Rows of a table that one statement removes. */
const rowsMax = 10_000;

/**
 * Removes tokens and logins that have expired, all of them, half a minute after the start and then hourly; a turn that
 * fails is logged and left to the next one. Returns how to end it: a statement in hand is the last.
 */
export function startSweep(database: Pick<Database, "run">, logger: Logger): () => void {
  let stopped = false;
  let timer = setTimeout(() => void turn(), firstAfterMs);

  async function turn(): Promise<void> {
    try {
      for (let gone = rowsMax; gone >= rowsMax && !stopped;) {
        gone = await sweepLogins(database, rowsMax);
      }
    } catch (error) {
      if (!stopped) logger.warn({ err: error }, "expired logins could not be removed");
    }
    if (!stopped) timer = setTimeout(() => void turn(), everyMs);
  }

  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
