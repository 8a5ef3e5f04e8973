import { setTimeout as sleep } from "node:timers/promises";
import {
  type Bus,
  type Delivery,
  decodeBatch,
  decodeEnvelope,
  domainQueueOf,
  letterType,
} from "@hexhold/messaging";
import { isContentRefusal } from "@hexhold/postgres";
import { createBackoff } from "@hexhold/rpc";
import { isLoggedFailure, type Logger } from "@hexhold/telemetry";
import type { ControlStore, DeadLetterRow } from "../control-store.ts";
import { letterRow, reducedRow } from "./letter-row.ts";

/** Queue of messages for routers; competing consumers. */
const routerQueue = domainQueueOf("router", "");
const prefetch = 16;
/** Refusals of what a letter holds, after which less of it is stored, or nothing. */
const refusalsMax = 5;

export interface DeadLetters {
  stop(): Promise<void>;
}

/**
 * Takes letters of workers from `cmd.router` into `control.dead_letter`. A message is acked when each of
 * its letters is stored; a letter that comes again changes nothing. While PostgreSQL is away messages are
 * held. A letter whose content PostgreSQL refuses five times is stored as its bytes alone, and let go with an error in
 * the log when those are refused as well. What is no letter is logged and acked: nobody could do anything with it.
 */
export function consumeDeadLetters(
  bus: Bus,
  store: Pick<ControlStore, "saveDeadLetter">,
  onSaved: () => void,
  logger: Logger,
): DeadLetters {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function handle(delivery: Delivery): Promise<void> {
    for (const letter of lettersOf(delivery, logger)) {
      const outcome = await save(letter);
      if (outcome === "stopped") return;
      if (outcome === "saved") continue;
      const reduced = await save(reducedRow(letter, outcome.refusal));
      if (reduced === "stopped") return;
      if (reduced === "saved") continue;
      logger.error(
        { event_id: letter.eventId, slot: letter.slot, type: letter.type, error: reduced.refusal },
        "a dead letter that PostgreSQL refuses was let go",
      );
    }
    delivery.ack();
  }

  /** Stores a row, however long PostgreSQL is away; why it cannot be, when it is the row's content. */
  async function save(
    letter: DeadLetterRow,
  ): Promise<"saved" | "stopped" | { readonly refusal: string }> {
    const backoff = createBackoff(200, 5_000);
    const soon = createBackoff(20, 200);
    let refusals = 0;
    for (let failures = 0; ; failures++) {
      try {
        if (await store.saveDeadLetter(letter)) onSaved();
        return "saved";
      } catch (error) {
        const isRefusal = isContentRefusal(error);
        if (isLoggedFailure(failures)) {
          logger.warn(
            { err: error, event_id: letter.eventId },
            isRefusal ? "a dead letter is refused" : "a dead letter waits for PostgreSQL",
          );
        }
        if (isRefusal && ++refusals >= refusalsMax) return { refusal: (error as Error).message };
        if (!(await (isRefusal ? soon : backoff).wait(signal))) return "stopped";
      }
    }
  }

  async function run(): Promise<void> {
    const backoff = createBackoff(200, 5_000);
    while (!signal.aborted) {
      try {
        const subscription = await bus.consume(routerQueue, {
          prefetch,
          onDelivery: (delivery) => {
            handle(delivery).catch((error: unknown) => {
              logger.error({ err: error }, "a message for the router could not be handled");
            });
          },
        });
        backoff.reset();
        const close = (): void => void subscription.close();
        signal.addEventListener("abort", close, { once: true });
        if (signal.aborted) close();
        const reason = await subscription.closed;
        signal.removeEventListener("abort", close);
        if (!signal.aborted) logger.info({ reason }, `the consumer of ${routerQueue} has ended`);
      } catch (error) {
        logger.debug({ err: error }, `${routerQueue} cannot be read now`);
      }
      await backoff.wait(signal);
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await Promise.race([running, sleep(2_000, undefined, { ref: false })]);
    },
  };
}

/** Letters in a message; what is none is logged, and costs those beside it nothing. */
function lettersOf({ body, messageId }: Delivery, logger: Logger): DeadLetterRow[] {
  const orNone = <T>(read: () => T[]): T[] => {
    try {
      return read();
    } catch (error) {
      logger.error({ err: error, message_id: messageId }, `${routerQueue}: unreadable, dropped`);
      return [];
    }
  };
  const rowOf = (bytes: Uint8Array): DeadLetterRow[] => {
    const envelope = decodeEnvelope(bytes);
    if (envelope.type === letterType) return [letterRow(envelope)];
    logger.error(
      { type: envelope.type.slice(0, 128) },
      `${routerQueue}: not for a router, dropped`,
    );
    return [];
  };
  return orNone(() => decodeBatch(body).envelopes).flatMap((bytes) => orNone(() => rowOf(bytes)));
}
