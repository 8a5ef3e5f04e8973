/**
 * Runs the durable timers of a service: what is due is taken and handled in one transaction, so it happens once however
 * many instances look and whichever of them dies. Looked for every 250 ms, and at once while there is more.
 *
 * A batch that fails is rolled back and taken one by one; a timer that fails alone is put off, for 1 s and then twice as
 * long each time, up to a minute, and is never given up: nobody else remembers what it is for.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { uuidText } from "@hexhold/messaging";
import type { PgPool } from "@hexhold/postgres";
import { createBackoff } from "@hexhold/rpc";
import { isLoggedFailure, type Logger } from "@hexhold/telemetry";
import type { CountStoreFaults } from "../store-faults.ts";
import { inTransaction, StoreOutageError, type Transaction } from "../transaction.ts";
import { withoutRows } from "../without-rows.ts";
import { inTransactionWithWork, type Work } from "../work.ts";
import type { DueStore, DueTimer } from "./due-store.ts";

/** What a kind of timer does when it is due. Effects go into `transaction` and `work`; arming it anew is one of them. */
export interface DueHandler<W extends Work = Work> {
  /** Kebab-case; part of the row. */
  readonly kind: string;
  handle(transaction: Transaction, timers: readonly DueTimer[], work: W): Promise<void>;
}

export interface DueRunnerOptions<W extends Work> {
  readonly pool: PgPool;
  readonly store: DueStore;
  readonly handlers: readonly DueHandler<W>[];
  readonly newWork: () => W;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly logger: Logger;
  readonly counted: CountStoreFaults;
  /** How late timers of a kind were handled, in seconds: the latest of a batch. */
  readonly onHandled: (kind: string, count: number, lateS: number) => void;
  readonly onFailed: (kind: string) => void;
}

export interface DueRunner {
  /** Finishes what is in hand. Idempotent. */
  stop(): Promise<void>;
}

const pollMs = 250;
const batchMax = 128;
const putOffMs = { first: 1_000, most: 60_000 };

export function startDueRunner<W extends Work>(options: DueRunnerOptions<W>): DueRunner {
  const { pool, store, logger, worldNow } = options;
  const stopping = new AbortController();
  const { signal } = stopping;

  /** How many were handled. Rejects with what the handler or the store failed with; then nothing was done. */
  async function once(handler: DueHandler<W>, countMax: number): Promise<number> {
    const { kind } = handler;
    const timers = await options.counted(() =>
      inTransactionWithWork(pool, options.newWork, async (transaction, work) => {
        const taken = await store.take(transaction, kind, worldNow(), countMax);
        if (taken.length > 0) await handler.handle(transaction, taken, work);
        return taken;
      }),
    );
    const [oldest] = timers;
    if (oldest !== undefined) {
      options.onHandled(kind, timers.length, Math.max(worldNow() - oldest.dueMs, 0) / 1000);
    }
    return timers.length;
  }

  /** The oldest alone, until one is handled or all that was due has been tried. */
  async function alone(handler: DueHandler<W>): Promise<number> {
    let handled = 0;
    for (let tried = 0; tried < batchMax && !signal.aborted; tried++) {
      let oldest: DueTimer | undefined;
      const watched: DueHandler<W> = {
        kind: handler.kind,
        async handle(transaction, timers, work) {
          [oldest] = timers;
          await handler.handle(transaction, timers, work);
        },
      };
      try {
        if ((await once(watched, 1)) === 0) return handled;
        handled++;
      } catch (error) {
        if (error instanceof StoreOutageError || oldest === undefined) throw error;
        await putOff(handler.kind, oldest, error);
      }
    }
    return handled;
  }

  async function putOff(kind: string, { id, failures }: DueTimer, error: unknown): Promise<void> {
    options.onFailed(kind);
    if (isLoggedFailure(failures)) {
      logger.error(
        { err: withoutRows(error), kind, id: uuidText(id), failures },
        "a timer cannot be handled",
      );
    }
    const waitMs = Math.min(putOffMs.first * 2 ** Math.min(failures, 16), putOffMs.most);
    await inTransaction(pool, (transaction) =>
      store.putOff(transaction, kind, id, worldNow() + waitMs),
    );
  }

  async function run(): Promise<void> {
    const backoff = createBackoff(pollMs, 5_000);
    for (let failures = 0; !signal.aborted;) {
      let more = false;
      try {
        for (const handler of options.handlers) {
          const count = await once(handler, batchMax).catch((error: unknown) => {
            if (error instanceof StoreOutageError) throw error;
            return alone(handler);
          });
          more ||= count === batchMax;
        }
        failures = 0;
        backoff.reset();
        if (!more) await sleep(pollMs, undefined, { signal }).catch(() => undefined);
      } catch (error) {
        if (isLoggedFailure(failures++)) logger.warn({ err: error }, "timers wait for PostgreSQL");
        await backoff.wait(signal);
      }
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
