/** Ends work that takes too long without ending its thread, by the engine's own watchdog. */
import { Script } from "node:vm";

/** `late`: ended; `starved`: ended, but the thread had no processor for more than half of the time. */
export type Guarded<T> =
  | { readonly end: "done"; readonly value: T }
  | { readonly end: "late" | "starved" };

/** The watchdog guards the run of a script, and no function: the script calls what lies here. */
const place = Symbol.for("hexhold.watchdog");
const globals = globalThis as unknown as Record<symbol, (() => void) | undefined>;
const script = new Script(`globalThis[Symbol.for("hexhold.watchdog")]()`, {
  filename: "watchdog",
});

/**
 * Runs `work`, at most `limitMs` milliseconds by the clock. What was ended stops in the middle of a statement, its
 * `finally` blocks included: nothing that it was changing may be used again. Throws what `work` throws.
 */
export function guard<T>(work: () => T, limitMs: number): Guarded<T> {
  let done: { readonly value: T } | undefined;
  globals[place] = () => void (done = { value: work() });
  const before = process.threadCpuUsage();
  try {
    script.runInThisContext({ timeout: limitMs });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    const { user, system } = process.threadCpuUsage(before);
    return { end: (user + system) / 1000 < limitMs / 2 ? "starved" : "late" };
  } finally {
    globals[place] = undefined;
  }
  return { end: "done", value: done!.value };
}
