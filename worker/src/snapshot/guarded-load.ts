import type { Logger } from "@hexhold/telemetry";
import type { Snapshot, SnapshotPlace, SnapshotStore } from "./snapshot-store.ts";

/** A store that does not answer by then is done without: the journal has everything durable. */
const answerMsMax = 200;
/** After a failure the store is left alone for so long. */
const restMs = 5000;

/** Loads snapshots within 200 ms or does without. Never rejects. */
export function guardLoad(
  store: SnapshotStore,
  logger: Logger,
): (places: readonly SnapshotPlace[]) => Promise<ReadonlyMap<string, Snapshot>> {
  let restUntilMs = 0;
  return async (places) => {
    const nowMs = performance.now();
    if (nowMs < restUntilMs) return new Map();
    let timer: NodeJS.Timeout | undefined;
    const loading = store.load(places);
    // A late failure is nobody's any more.
    loading.catch(() => undefined);
    try {
      return await Promise.race([
        loading,
        new Promise<never>((_resolve, reject) => {
          timer = setTimeout(
            () => reject(new Error(`no answer in ${answerMsMax} ms`)),
            answerMsMax,
          );
        }),
      ]);
    } catch (error) {
      restUntilMs = nowMs + restMs;
      logger.warn({ err: error }, "snapshots cannot be read; the journal is replayed instead");
      return new Map();
    } finally {
      clearTimeout(timer);
    }
  };
}
