import { postgresFault } from "@hexhold/config";

/** Whether PostgreSQL answers, as it was last seen. */
export interface PostgresWatch {
  /** Why it does not, in words; undefined = it does, or has not been asked yet. */
  readonly fault: string | undefined;
  stop(): void;
}

/** A frozen server is known within twice this. */
const askEveryMs = 1500;

/**
 * Asks again and again, one question at a time.
 * @param ask a small query; one that does not settle within `everyMs` counts as no answer
 */
export function watchPostgres(
  ask: () => Promise<unknown>,
  everyMs: number = askEveryMs,
): PostgresWatch {
  let fault: string | undefined;
  let isAsking = false;
  const timer = setInterval(() => {
    if (isAsking) {
      fault = postgresFault(new Error(`nothing for ${everyMs / 1000} s`));
      return;
    }
    isAsking = true;
    ask()
      .then(
        () => (fault = undefined),
        (error: unknown) => (fault = postgresFault(error)),
      )
      .finally(() => (isAsking = false));
  }, everyMs);
  return {
    get fault() {
      return fault;
    },
    stop: () => clearInterval(timer),
  };
}
