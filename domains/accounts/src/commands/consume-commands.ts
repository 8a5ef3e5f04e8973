import { setTimeout as sleep } from "node:timers/promises";
import {
  answerBytes,
  type Bus,
  decodeBatch,
  decodeEnvelope,
  type Delivery,
  encodeAnswers,
  encodeStoredAnswer,
} from "@hexhold/messaging";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { createBackoff } from "@hexhold/rpc";
import type { Logger } from "@hexhold/telemetry";
import type { AccountsMetrics } from "../accounts-metrics.ts";
import { type AnswerCommand, type ArrivedMessage, CommandHeldError } from "./answer-command.ts";

export interface ConsumeOptions {
  readonly bus: Bus;
  readonly queue: string;
  readonly answer: AnswerCommand;
  readonly metrics: AccountsMetrics;
  readonly logger: Logger;
}

export interface CommandConsumer {
  /** Takes nothing more, waits at most 5 s for what is in hand, and leaves the rest to others. */
  stop(): Promise<void>;
}

/** Commands in hand; other processes of this service take others. */
const prefetch = 16;
const drainMsMax = 5000;

/** Takes commands from a queue, answers each, and acks a message when all of it is answered. */
export function consumeCommands(options: ConsumeOptions): CommandConsumer {
  const { bus, queue, logger } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const inHand = new Set<Promise<void>>();

  async function answersOf(delivery: Delivery): Promise<Uint8Array[]> {
    let arrived: ArrivedMessage[];
    try {
      const { envelopes, life, places } = decodeBatch(delivery.body);
      arrived = envelopes.map((bytes, i) => ({
        bytes,
        envelope: decodeEnvelope(bytes),
        origin: life === 0n || places[i] === undefined ? undefined : { life, ...places[i] },
      }));
    } catch {
      // The cause could quote what it holds.
      logger.error({ queue, message_id: delivery.messageId }, "an unreadable message was dropped");
      return [];
    }
    const answers: Uint8Array[] = [];
    for (const message of arrived) {
      const { envelope } = message;
      const startedMs = performance.now();
      const answered = await options.answer(message);
      if (answered === undefined) continue;
      const { entry, outcome } = answered;
      const word = outcome.case === "applied" ? "applied" : outcome.reason;
      options.metrics.commands.inc({ type: entry?.type ?? "unknown", outcome: word });
      options.metrics.handling.observe((performance.now() - startedMs) / 1000);
      const stored = encodeStoredAnswer({
        hexVersion: 0,
        epoch: 0n,
        durability: entry?.durability ?? Durability.UNSPECIFIED,
        outcome,
      });
      answers.push(answerBytes(envelope, stored, false));
    }
    return answers;
  }

  async function handle(delivery: Delivery): Promise<void> {
    const answers = await answersOf(delivery);
    if (delivery.replyTo !== undefined && answers.length > 0) {
      bus.reply(delivery.replyTo, { type: "answers.v1", body: encodeAnswers(answers) });
    }
    delivery.ack();
  }

  function onDelivery(delivery: Delivery): void {
    // Unacked: another process gets it when the channel is closed.
    if (signal.aborted) return;
    const work = handle(delivery)
      .catch((error: unknown) => {
        if (error instanceof CommandHeldError) return;
        logger.error({ err: error, queue }, "a message could not be handled");
        delivery.ack();
      })
      .finally(() => inHand.delete(work));
    inHand.add(work);
  }

  async function run(): Promise<void> {
    const backoff = createBackoff(100, 2000);
    while (!signal.aborted) {
      try {
        const subscription = await bus.consume(queue, { prefetch, onDelivery });
        backoff.reset();
        const stopped = new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          else signal.addEventListener("abort", () => resolve(), { once: true });
        });
        await Promise.race([subscription.closed, stopped]);
        if (signal.aborted) {
          await Promise.race([Promise.all(inHand), sleep(drainMsMax, undefined, { ref: false })]);
          await subscription.close();
        } else {
          logger.info({ queue }, "the consumer has ended; it begins again");
        }
      } catch (error) {
        logger.debug({ err: error, queue }, "the queue cannot be read now");
      }
      await backoff.wait(signal);
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
