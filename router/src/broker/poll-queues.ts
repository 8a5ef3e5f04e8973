import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hexhold/telemetry";
import type { BrokerAdmin, QueueDepth } from "./broker-admin.ts";

const defaultEveryMs = 10_000;

/**
 * Reads the queues now and `everyMs` (default 10 s) after each reading, so that nobody who asks for them
 * waits for the broker. Returns how to stop it.
 * @param onRead gets what was read; nothing, `[]`, when the broker does not answer.
 */
export function pollQueues(
  broker: BrokerAdmin,
  onRead: (queues: readonly QueueDepth[]) => void,
  logger: Logger,
  everyMs = defaultEveryMs,
): () => void {
  const stopping = new AbortController();
  const { signal } = stopping;
  let answers = true;

  async function read(): Promise<readonly QueueDepth[]> {
    try {
      const queues = await broker.queueDepths();
      if (!answers) logger.info("the broker tells its queues again");
      answers = true;
      return queues;
    } catch (error) {
      if (answers && !signal.aborted)
        logger.warn({ err: error }, "the broker's queues are unknown");
      answers = false;
      return [];
    }
  }

  async function poll(): Promise<void> {
    while (!signal.aborted) {
      const queues = await read();
      if (signal.aborted) return;
      onRead(queues);
      await sleep(everyMs, undefined, { signal, ref: false });
    }
  }

  // Aborted by the caller.
  poll().catch(() => undefined);
  return () => stopping.abort();
}
