import { setTimeout as sleep } from "node:timers/promises";
import { fromBinary } from "@bufbuild/protobuf";
import { CommandDeadLetteredSchema } from "@hexhold/gen/hexhold/control/v1/dead_letter_pb";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  type Bus,
  DecodeError,
  type Delivery,
  decodeBatch,
  decodeEnvelope,
  domainQueueOf,
  uuidText,
} from "@hexhold/messaging";
import { createBackoff } from "@hexhold/rpc";
import type { Logger } from "@hexhold/telemetry";
import type { ControlStore, DeadLetterRow } from "../control-store.ts";

/** Queue of messages for routers; competing consumers. */
const routerQueue = domainQueueOf("router", "");
const letterType = "evt.worker.command-dead-lettered";
const prefetch = 16;

export interface DeadLetters {
  stop(): Promise<void>;
}

/**
 * Takes letters of workers from `cmd.router` into `control.dead_letter`. A message is acked when each of
 * its letters is stored; a letter that comes again changes nothing. While PostgreSQL is away messages are
 * held. What is no letter is logged and acked: nobody could do anything with it.
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
    const letters = lettersOf(delivery, logger);
    const backoff = createBackoff(200, 5_000);
    for (const letter of letters) {
      for (;;) {
        try {
          if (await store.saveDeadLetter(letter)) onSaved();
          break;
        } catch (error) {
          logger.warn(
            { err: error, event_id: letter.eventId },
            "a dead letter waits for PostgreSQL",
          );
        }
        if (!(await backoff.wait(signal))) return;
      }
    }
    delivery.ack();
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

/** Letters in a message; what is none is logged. */
function lettersOf(delivery: Delivery, logger: Logger): DeadLetterRow[] {
  try {
    return decodeBatch(delivery.body).envelopes.flatMap((bytes) => {
      const envelope = decodeEnvelope(bytes);
      if (envelope.type === letterType) return [letterOf(envelope)];
      logger.error(
        { type: envelope.type.slice(0, 128) },
        `${routerQueue}: not for a router, dropped`,
      );
      return [];
    });
  } catch (error) {
    logger.error(
      { err: error, message_id: delivery.messageId },
      `${routerQueue}: unreadable, dropped`,
    );
    return [];
  }
}

function letterOf(envelope: Envelope): DeadLetterRow {
  const letter = fromBinary(CommandDeadLetteredSchema, envelope.payload);
  const command = readable(letter.envelope);
  return {
    eventId: uuidText(envelope.eventId),
    deadAtMs: Number(letter.atMs),
    slot: letter.slot,
    worker: letter.worker,
    type: command?.type ?? "",
    messageVersion: command?.version ?? 0,
    hexId: command?.key?.hexId,
    layerId: command?.key?.layerId,
    requestId: idText(command?.requestId),
    accountId: idText(command?.accountId),
    traceparent: command?.traceparent ?? envelope.traceparent,
    envelope: letter.envelope,
    // A NUL is the one character that PostgreSQL's text cannot hold.
    error: letter.error.replaceAll("\u0000", ""),
    attempts: letter.attempts,
  };
}

/** The command, when its envelope can be read at all: that it cannot may be why it is dead. */
function readable(bytes: Uint8Array): Envelope | undefined {
  try {
    return decodeEnvelope(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function idText(bytes: Uint8Array | undefined): string | undefined {
  return bytes?.length === 16 ? uuidText(bytes) : undefined;
}
