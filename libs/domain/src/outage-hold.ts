/** Messages that wait while PostgreSQL is away: each tries again ever more rarely, and one of them tells. */
import { createBackoff } from "@hexhold/rpc";
import { isLoggedFailure, type LogBindings, type Logger } from "@hexhold/telemetry";
import { StoreOutageError } from "./transaction.ts";
import { withoutRows } from "./without-rows.ts";

export interface OutageHold {
  /**
   * Runs `work` until the store has answered; undefined when `mayWait` says that it may not any more. Rejects with every
   * other failure.
   */
  run<T>(
    work: () => Promise<T>,
    bindings: LogBindings,
    signal: AbortSignal,
    mayWait?: () => boolean,
  ): Promise<T | undefined>;
}

const retryMs = { first: 100, max: 2_000 };

/** `onOutage` is called for each attempt that met one. */
export function createOutageHold(logger: Logger, onOutage: () => void): OutageHold {
  /** In a row, of the message that tells. */
  let failures = 0;
  let teller: object | undefined;
  return {
    async run(work, bindings, signal, mayWait = () => true) {
      const backoff = createBackoff(retryMs.first, retryMs.max);
      try {
        while (!signal.aborted && mayWait()) {
          try {
            const result = await work();
            failures = 0;
            return result;
          } catch (error) {
            if (!(error instanceof StoreOutageError)) throw error;
            onOutage();
            teller ??= bindings;
            if (teller === bindings && isLoggedFailure(failures++)) {
              logger.warn(
                { err: withoutRows(error), ...bindings },
                "a message waits for PostgreSQL",
              );
            }
          }
          await backoff.wait(signal);
        }
        return undefined;
      } finally {
        if (teller === bindings) teller = undefined;
      }
    },
  };
}
