/** How often the parent is looked at: what a killed host leaves behind lives this much longer. */
const INTERVAL_MS = 500;
/** After the request to stop, for what does not. */
const STOP_BOUND_MS = 5_000;

export interface ParentWatchOptions {
  /** The environment, for `HEXHOLD_PARENT_PID`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: SIGTERM to this process itself, so that it stops in order, and exit 1 after 5 s. */
  readonly onGone?: () => void;
  readonly intervalMs?: number;
}

/**
 * Ends this process when the one that started it is gone. A supervisor puts its pid into
 * `HEXHOLD_PARENT_PID`; as soon as our parent is another one (the system hands orphans to a
 * process of its own), the supervisor has died without stopping us. Without that variable
 * nothing is watched. Returns a function that ends the watch.
 */
export function exitWhenParentGone(options: ParentWatchOptions): () => void {
  const expected = Number(options.env["HEXHOLD_PARENT_PID"]);
  if (!Number.isInteger(expected) || expected <= 0) {
    return () => undefined;
  }
  const timer = setInterval(check, options.intervalMs ?? INTERVAL_MS).unref();
  function check(): void {
    if (process.ppid !== expected) {
      clearInterval(timer);
      (options.onGone ?? stopThisProcess)();
    }
  }
  check();
  return () => clearInterval(timer);
}

function stopThisProcess(): void {
  setTimeout(() => process.exit(1), STOP_BOUND_MS).unref();
  process.kill(process.pid, "SIGTERM");
}
