/**
 * Serves a queue of requests that leave no trace: there is no transaction around them, no inbox, no stored result and no
 * dead letter, and nothing of their content is logged. For what carries secrets, or takes longer than a transaction may.
 * Whoever asks waits for the answer, and asks again under the same id: handlers make a repetition harmless by themselves.
 *
 * - An outage of the store is waited out until the request's deadline; then it is `expired`, not executed.
 * - A deadlock, or a statement that took too long, is tried again, five times in all.
 * - What a handler throws otherwise is answered INTERNAL, at once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { answerBytes, type Bus, publisherText, uuidText } from "@hexhold/messaging";
import { isStatementFailure } from "@hexhold/postgres";
import type { Logger } from "@hexhold/telemetry";
import { errorAnswer, forgeryAnswer, outcomeAnswer } from "../answers.ts";
import type { Applied } from "../apply-messages.ts";
import { type BatchHandler, storePauseMs } from "../batch-handler.ts";
import {
  createBatchReader,
  forgedByRouter,
  type Incoming,
  type IncomingCommand,
} from "../incoming.ts";
import { createOutageHold } from "../outage-hold.ts";
import { consumeQueue } from "../queue-consumer.ts";
import type { MessageHandler } from "../service-definition.ts";
import type { Transaction } from "../transaction.ts";
import { withoutRows } from "../without-rows.ts";
import { noWork } from "../work.ts";

export interface RequestOptions {
  readonly bus: Bus;
  readonly queue: string;
  /** Made with `onCommand`; their transaction takes no statement. What `onCommit` is given is run before the answer goes. */
  readonly handlers: readonly MessageHandler[];
  /** Requests that are handled at a time, side by side. */
  readonly inHandMax: number;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly logger: Logger;
  /** `outcome`: applied, or a reason. */
  readonly onAnswered: (type: string, outcome: string) => void;
  /** Seconds from a delivery to its ack. */
  readonly onHandled: (seconds: number) => void;
}

export interface RequestServer {
  readonly isConsuming: boolean;
  /** Takes nothing more, finishes what is in hand within some seconds, and leaves the rest to others. */
  stop(): Promise<void>;
}

const attemptsMax = 5;

/** Throws a TypeError for handlers of events and of asked steps: these must be kept. */
export function serveRequests(options: RequestOptions): RequestServer {
  const { bus, queue, handlers, worldNow, logger } = options;
  if (handlers.some((handler) => handler.kind === "event" || handler.refuse !== undefined)) {
    throw new TypeError(`${queue}: events and asked steps are no requests`);
  }
  const hold = createOutageHold(logger, () => undefined);

  /** Undefined: it is left to another process. */
  async function answerOf(item: IncomingCommand, signal: AbortSignal): Promise<Reply | undefined> {
    const { type, durability } = item.entry;
    const bindings = { type, event_id: uuidText(item.envelope.eventId) };
    const isInTime = (): boolean =>
      item.envelope.deadlineMs === 0n || worldNow() <= Number(item.envelope.deadlineMs);
    for (let attempt = 1; ; attempt++) {
      try {
        const done = await hold.run(() => execute(item), bindings, signal, isInTime);
        if (done !== undefined) return done;
        if (signal.aborted) return undefined;
        const what = "not executed: it waited too long; repeat the command";
        const stored = errorAnswer(ErrorCode.UNAVAILABLE, "expired", what);
        return { word: "expired", outcome: "expired", stored };
      } catch (error) {
        if (isStatementFailure(error) && attempt < attemptsMax) {
          await sleep(storePauseMs(attempt), undefined, { signal }).catch(() => undefined);
          continue;
        }
        logger.error({ err: withoutRows(error), ...bindings }, "a request could not be handled");
        const what = "the command failed; the log says why";
        const stored = errorAnswer(ErrorCode.INTERNAL, "internal", what, durability);
        return { word: "internal", outcome: "handled", stored };
      }
    }
  }

  async function replyTo(item: Incoming, signal: AbortSignal): Promise<Reply | undefined> {
    switch (item.kind) {
      case "command":
        return answerOf(item, signal);
      case "fault": {
        const stored = errorAnswer(item.code, item.reason, item.message);
        return { word: item.reason, outcome: "invalid", stored };
      }
      case "forgery": {
        const producer = item.envelope.producer?.service;
        logger.error(
          { slot: queue, producer, publisher: publisherText(item.publisher) },
          "a request was published in another's name: it was dropped",
        );
        return { word: "publisher-differs", outcome: "forged", stored: forgeryAnswer(item) };
      }
      default: {
        const type = item.envelope?.type.slice(0, 128);
        logger.error({ slot: queue, type }, "a request that nobody handles here was dropped");
        const what = "no such command here";
        const stored = errorAnswer(ErrorCode.INVALID_ARGUMENT, "unknown-type", what);
        return { word: "unknown-type", outcome: "invalid", stored };
      }
    }
  }

  const handler: BatchHandler = {
    async handle(_queue, items, signal) {
      const applied: Applied[] = [];
      // Nobody has letters of requests to bring back.
      for (const item of items.map(forgedByRouter)) {
        const reply = await replyTo(item, signal);
        if (reply === undefined) return undefined;
        const { word, outcome, stored } = reply;
        options.onAnswered(item.kind === "command" ? item.entry.type : "unknown", word);
        const { envelope } = item;
        const answer = envelope === undefined ? undefined : answerBytes(envelope, stored, false);
        applied.push({ item, outcome, answer });
      }
      return applied;
    },
  };
  return consumeQueue({
    bus,
    queue,
    inHandMax: options.inHandMax,
    read: createBatchReader(handlers),
    handler,
    logger,
    onHandled: options.onHandled,
  });
}

interface Reply extends Pick<Applied, "outcome"> {
  /** For metrics: applied, or a reason. */
  readonly word: string;
  readonly stored: Uint8Array;
}

async function execute(item: IncomingCommand): Promise<Reply> {
  const effects: (() => void)[] = [];
  const transaction: Transaction = {
    query: () => Promise.reject(new TypeError("a request has no transaction")),
    onCommit: (effect) => void effects.push(effect),
  };
  const [outcome] = await item.handle(transaction, [item], noWork);
  if (outcome === undefined) throw new RangeError(`${item.entry.type} has no outcome`);
  const stored = outcomeAnswer(item.entry, outcome);
  for (const effect of effects) effect();
  return outcome.kind === "applied"
    ? { word: "applied", outcome: "handled", stored }
    : { word: outcome.reason, outcome: "refused", stored };
}
