/** Giving a command up: its terminal answer and its letter go in one commit. */
import { type Envelope, ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { answerBytes, encodeDeadLetter, encodeStoredAnswer, uuidv7Bytes } from "@hexhold/messaging";
import type { Command } from "../actor/command.ts";
import type { CommitRows, OutboxRow } from "../journal/commit-batch.ts";
import { type ProducerIdentity, resultRow } from "./commit-plan.ts";

export interface DeadLetterContext {
  readonly slot: string;
  readonly epoch: bigint;
  readonly producer: ProducerIdentity;
  readonly nowMs: number;
}

export interface DeadLetterPlan {
  readonly rows: CommitRows;
  readonly answer: Uint8Array;
  readonly stored: Uint8Array;
}

/** Rows, answer and letter of a command that the rules failed on. Only a durable one leaves a result. */
export function deadLetterPlan(
  command: Command,
  error: string,
  attempts: number,
  context: DeadLetterContext,
): DeadLetterPlan {
  const stored = encodeStoredAnswer({
    hexVersion: 0,
    epoch: context.epoch,
    durability: command.entry.durability,
    outcome: {
      case: "error",
      errorCode: ErrorCode.DEAD_LETTERED,
      reason: "rules-failed",
      message: "the game's rules failed on this command; it was put aside for the operators",
    },
  });
  const { eventId, requestId } = command.envelope;
  const durable = command.entry.durability === Durability.DURABLE;
  return {
    rows: {
      results: durable ? [resultRow(command, stored, context.nowMs)] : [],
      heads: [],
      journal: [],
      outbox: [letterRow(command.envelopeBytes, error, attempts, context, command.envelope)],
      timers: [],
    },
    answer: answerBytes({ eventId, requestId, key: command.key }, stored, false),
    stored,
  };
}

/** Rows that only keep `bytes`, and nothing that was read from them. */
export function letterOnlyRows(
  bytes: Uint8Array,
  error: string,
  attempts: number,
  context: DeadLetterContext,
): CommitRows {
  const outbox = [letterRow(bytes, error, attempts, context)];
  return { results: [], heads: [], journal: [], outbox, timers: [] };
}

function letterRow(
  bytes: Uint8Array,
  error: string,
  attempts: number,
  context: DeadLetterContext,
  cause?: Envelope,
): OutboxRow {
  const { slot, producer, nowMs } = context;
  return {
    destination: "router",
    subject: slot,
    hexId: null,
    layerId: null,
    envelope: encodeDeadLetter({
      bytes,
      error,
      attempts,
      slot,
      producer,
      nowMs,
      eventId: uuidv7Bytes(),
      ...(cause === undefined ? {} : { cause }),
    }),
  };
}
