/**
 * What was opened, and how each of it ends: collected while a start goes on, run in reverse by the stop, or by
 * the start itself when it fails.
 *
 *   collecting ──run()──▶ unwinding ──last end──▶ done
 *
 * Every end is run, whichever of them throws, hangs or comes late: one that is added while the others are run is
 * run as well, and one that is added afterwards at once.
 */

/** Of one end. Longer than a drain; what hangs is left to the end of the process. */
const endMsMax = 30_000;

export interface Unwind {
  /**
   * @param name for messages: what ends, as a noun ("control server")
   * @param boundMs how long the others wait for it (default 30 s); afterwards it counts as failed and the next is run
   */
  readonly add: (name: string, end: () => unknown, boundMs?: number) => void;
  /**
   * Runs the ends, the last added first. Rejects with an AggregateError of {@link EndError}s when some failed, after
   * all were run. The second call gets the result of the first.
   */
  readonly run: () => Promise<void>;
}

/** One end that threw, or was not done in its time. `cause` is what it threw. */
export class EndError extends Error {
  readonly end: string;
  constructor(end: string, reason: string, cause?: unknown) {
    super(`${end}: ${reason}`, { cause });
    this.name = "EndError";
    this.end = end;
  }
}

/** @param onFailure told of each end that fails, at once; for the log. May not throw. */
export function createUnwind(onFailure: (failure: EndError) => void = () => undefined): Unwind {
  const ends: { name: string; end: () => unknown; boundMs: number }[] = [];
  const failures: EndError[] = [];
  let running: Promise<void> | undefined;
  let isDone = false;

  const runOne = async ({ name, end, boundMs }: (typeof ends)[number]): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new EndError(name, `not ended within ${boundMs} ms`)),
        boundMs,
      );
    });
    try {
      await Promise.race([(async () => await end())(), overdue]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const failure = error instanceof EndError ? error : new EndError(name, reason, error);
      failures.push(failure);
      onFailure(failure);
    } finally {
      clearTimeout(timer);
    }
  };
  const runAll = async (): Promise<void> => {
    for (let next = ends.pop(); next !== undefined; next = ends.pop()) await runOne(next);
    isDone = true;
    if (failures.length > 0) {
      throw new AggregateError(failures, failures.map(({ message }) => message).join("; "));
    }
  };
  return {
    add(name, end, boundMs = endMsMax) {
      if (isDone) void runOne({ name, end, boundMs });
      else ends.push({ name, end, boundMs });
    },
    run: () => (running ??= runAll()),
  };
}

/**
 * A start that is whole or not at all: what `start` has added to its unwind is run when it rejects, and the caller
 * gets the reason of the start, never that of an end (those go to `onFailure`).
 */
export async function startWhole<T>(
  start: (unwind: Unwind) => Promise<T>,
  onFailure?: (failure: EndError) => void,
): Promise<T> {
  const unwind = createUnwind(onFailure);
  try {
    return await start(unwind);
  } catch (error) {
    await unwind.run().catch(() => undefined);
    throw error;
  }
}
