import { postgresFault } from "./store-refusal.ts";

/** Whether PostgreSQL answers, as it was last seen. */
export interface PostgresWatch {
  /** Why it does not, in words; undefined = it does, or has not been asked yet. */
  readonly fault: string | undefined;
  /** Asks no more; settles when the question in hand has. */
  stop(): Promise<void>;
}

/** A frozen server is known within twice this. */
const askEveryMs = 1500;

/**
 * Asks again and again, one question at a time.
 * @param ask a small query; one that does not settle within `everyMs` counts as no answer
 * @param onError hears what `ask` rejected with
 */
export function watchPostgres(
  ask: () => Promise<unknown>,
  everyMs: number = askEveryMs,
  onError: (error: unknown) => void = () => undefined,
): PostgresWatch {
  let fault: string | undefined;
  let isAsking = false;
  let asking: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    if (isAsking) {
      fault = postgresFault(new Error(`nothing for ${everyMs / 1000} s`));
      return;
    }
    isAsking = true;
    asking = ask()
      .then(
        () => (fault = undefined),
        (error: unknown) => {
          fault = postgresFault(error);
          onError(error);
        },
      )
      .finally(() => (isAsking = false));
  }, everyMs);
  return {
    get fault() {
      return fault;
    },
    async stop() {
      clearInterval(timer);
      await asking;
    },
  };
}
