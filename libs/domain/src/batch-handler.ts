/**
 * One queue message from its delivery to its answers.
 *
 * - All of it in one transaction. When that fails by something in it, each message in a transaction of its own.
 * - A message alone has five attempts: what its handler throws is tried again after 1, 2, 4, 8 ms, a deadlock or a
 *   statement that took too long after 100 ms · 2ⁿ ± 20 %. Then a letter is committed in its place. When PostgreSQL
 *   refuses that for its content five times, a letter of the bytes alone; when that too, there is an error in the log.
 * - An outage of the store costs nobody an attempt: the message is held until the store is back.
 * Nothing is answered before its commit. A transaction whose commit was not answered is run again: inbox and
 * results tell what was stored.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { publisherText, uuidText } from "@hexhold/messaging";
import { isContentRefusal, isStatementFailure, type PgPool } from "@hexhold/postgres";
import { isLoggedFailure, type LogBindings, type Logger } from "@hexhold/telemetry";
import {
  type Applied,
  type ApplyContext,
  applyMessages,
  type GivenUp,
  givenUpUnstored,
} from "./apply-messages.ts";
import { bareLetterOf, type ProducerIdentity } from "./dead-letter.ts";
import type { DomainMetrics } from "./domain-metrics.ts";
import type { DomainStore } from "./domain-store.ts";
import type { Incoming } from "./incoming.ts";
import { countStoreFaults } from "./store-faults.ts";
import { createOutageHold } from "./outage-hold.ts";
import { inTransaction } from "./transaction.ts";
import { withoutRows } from "./without-rows.ts";
import { inTransactionWithWork, type Work } from "./work.ts";

export interface BatchHandlerOptions {
  readonly pool: PgPool;
  readonly store: DomainStore;
  readonly producer: ProducerIdentity;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly staleAfterMs: number;
  readonly logger: Logger;
  readonly metrics: DomainMetrics;
  /** Of one transaction. */
  readonly newWork: () => Work;
}

export interface BatchHandler {
  /**
   * Handles what was read from one message of `queue` and resolves with what became of each, all of it committed;
   * undefined: `signal` was aborted before that, and the message must go back to its queue.
   */
  handle(
    queue: string,
    items: readonly Incoming[],
    signal: AbortSignal,
  ): Promise<Applied[] | undefined>;
}

const attemptsMax = 5;

export function createBatchHandler(options: BatchHandlerOptions): BatchHandler {
  const { pool, logger, metrics } = options;
  const { service } = options.producer;
  const counted = countStoreFaults(metrics, service);

  function apply(queue: string, items: readonly Incoming[], givenUp?: GivenUp): Promise<Applied[]> {
    return counted(() =>
      inTransactionWithWork(pool, options.newWork, (transaction, work) =>
        applyMessages(transaction, items, contextOf(queue), work, givenUp),
      ),
    );
  }

  function contextOf(queue: string): ApplyContext {
    const { store, producer, staleAfterMs, worldNow } = options;
    return { store, staleAfterMs, letters: { queue, producer, nowMs: Math.floor(worldNow()) } };
  }

  const hold = createOutageHold(logger, () => metrics.retries.inc({ service, cause: "outage" }));
  /** Undefined when stopped. */
  const held = <T>(queue: string, work: () => Promise<T>, signal: AbortSignal) =>
    hold.run(work, { slot: queue }, signal);

  async function alone(
    queue: string,
    item: Incoming,
    signal: AbortSignal,
  ): Promise<Applied[] | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await held(queue, () => apply(queue, [item]), signal);
      } catch (error) {
        const isStore = isStatementFailure(error);
        metrics.retries.inc({ service, cause: isStore ? "store" : "handler" });
        logger.warn(
          { ...bindingsOf(queue, item), err: withoutRows(error), attempt },
          "an attempt has failed",
        );
        if (attempt === attemptsMax) return giveUp(queue, item, error, signal);
        await pause(isStore ? storePauseMs(attempt) : 2 ** (attempt - 1), signal);
      }
    }
  }

  /** Whatever the store makes it wait: nothing that the broker gave us is lost but what PostgreSQL cannot hold. */
  async function giveUp(
    queue: string,
    item: Incoming,
    cause: unknown,
    signal: AbortSignal,
  ): Promise<Applied[] | undefined> {
    const thrown = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    const givenUp = { error: thrown.replaceAll("\u0000", ""), attempts: attemptsMax };
    const kept = await unlessRefused(queue, item, () => apply(queue, [item], givenUp), signal);
    if ("done" in kept) return kept.done;
    const error = `${givenUp.error}; its letter was refused: ${kept.refusal}`;
    const letter = bareLetterOf(item, error, attemptsMax, contextOf(queue).letters);
    const bare = await unlessRefused(
      queue,
      item,
      () => inTransaction(pool, (transaction) => options.store.send(transaction, letter)),
      signal,
    );
    if (signal.aborted) return undefined;
    if ("refusal" in bare) {
      logger.error(
        { ...bindingsOf(queue, item), error },
        "a dead letter that PostgreSQL refuses was let go",
      );
    }
    return [givenUpUnstored(item)];
  }

  /**
   * Runs `work` until it is done; undefined when stopped. Why it is refused, when PostgreSQL refuses its content five times;
   * whatever else it fails with is tried again.
   */
  async function unlessRefused<T>(
    queue: string,
    item: Incoming,
    work: () => Promise<T>,
    signal: AbortSignal,
  ): Promise<{ readonly done: T | undefined } | { readonly refusal: string }> {
    let refusals = 0;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        return { done: await held(queue, work, signal) };
      } catch (failure) {
        if (isLoggedFailure(failures)) {
          const bindings = bindingsOf(queue, item);
          logger.error({ ...bindings, err: withoutRows(failure) }, "a dead letter cannot be kept");
        }
        if (isContentRefusal(failure) && ++refusals >= attemptsMax) {
          return { refusal: (failure as Error).message };
        }
        await pause(storePauseMs(Math.min(failures + 1, 4)), signal);
      }
    }
    return { done: undefined };
  }

  function finished(queue: string, all: readonly Applied[]): void {
    for (const { item, outcome } of all) {
      metrics.messages.inc({ service, outcome });
      if (outcome === "dead-lettered") {
        metrics.deadLetters.inc({ service });
        logger.error(bindingsOf(queue, item), "a message was dead-lettered");
      } else if (item.kind === "forgery") {
        const publisher = publisherText(item.publisher);
        const producer = item.envelope.producer?.service.slice(0, 64);
        metrics.forged.inc({ service, publisher });
        logger.error(
          { ...bindingsOf(queue, item), producer, publisher },
          "a message was published in another's name: it was dropped",
        );
      } else if (outcome === "unsent") {
        logger.warn(
          { ...bindingsOf(queue, item), from: item.origin?.slot },
          "a message of a moment that PostgreSQL has not seen was dropped",
        );
      } else if (logger.isLevelEnabled("debug")) {
        logger.debug({ ...bindingsOf(queue, item), outcome }, "message finished");
      }
    }
  }

  return {
    async handle(queue, items, signal) {
      let all: Applied[] | undefined;
      try {
        all = await held(queue, () => apply(queue, items), signal);
      } catch (error) {
        if (items.length > 1) {
          const count = items.length;
          logger.warn(
            { err: withoutRows(error), slot: queue, count },
            "a batch has failed: one at a time now",
          );
        }
        all = [];
        for (const item of items) {
          const one = await alone(queue, item, signal);
          if (one === undefined) return undefined;
          all.push(...one);
        }
      }
      if (all !== undefined) finished(queue, all);
      return all;
    },
  };
}

/** What ties a log line to the message it is about; an id that is none is left out. */
function bindingsOf(queue: string, { envelope }: Incoming): LogBindings {
  if (envelope === undefined) return { slot: queue };
  const { requestId, eventId, correlationId, subject, type } = envelope;
  const id = (name: string, bytes: Uint8Array): LogBindings =>
    bytes.length === 16 ? { [name]: uuidText(bytes) } : {};
  return {
    slot: queue,
    ...id("request_id", requestId),
    ...id("event_id", eventId),
    ...id("correlation_id", correlationId),
    ...(subject === "" ? {} : { subject }),
    type: type.slice(0, 128),
  };
}

/** Milliseconds after a deadlock or a statement that took too long, before attempt `attempt` + 1: 100 ms · 2ⁿ ± 20 %. */
export function storePauseMs(attempt: number): number {
  return 100 * 2 ** (attempt - 1) * (0.8 + Math.random() * 0.4);
}

/** Ends early when `signal` is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
