/** Follows a stream of the SDK on behalf of the page: nobody waits for it, and it is taken up again while that may help. */
import { WatchError } from "@hexhold/client";

/** Between two tries to watch what was denied for a reason that passes. */
const againMs = 1000;
/** The page has asked sooner than the gateway knew that the hex is watched. */
const passing: ReadonlySet<string> = new Set(["not-subscribed", "too-many-topics"]);

/**
 * Hands each state of `open` to `take` until the function that it returns is called, or the session is over.
 *
 * @param open makes the iterator; it ends with the signal
 */
export function follow<S>(
  open: (signal: AbortSignal) => AsyncIterableIterator<S>,
  take: (state: S) => void,
): () => void {
  const ending = new AbortController();
  const { signal } = ending;
  void (async () => {
    while (!signal.aborted) {
      try {
        for await (const state of open(signal)) {
          if (!signal.aborted) take(state);
        }
        return;
      } catch (error) {
        if (!(error instanceof WatchError)) {
          reportError(error);
          return;
        }
        if (!passing.has(error.reason)) return;
      }
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  })();
  return () => ending.abort();
}
