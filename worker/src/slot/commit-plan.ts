/** From what the rules decided to rows, answers and views: pure but for the ids, which are handed in. */
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { keyBytes, parseKeyText } from "@hexhold/hex";
import {
  answerBytes,
  encodeEnvelope,
  encodeStoredAnswer,
  idempotencyKeyOf,
  uuidText,
  type ViewEventFields,
  type ViewPlace,
  withSubject,
} from "@hexhold/messaging";
import type { Command } from "../actor/command.ts";
import type { ActiveHex } from "../actor/hex-table.ts";
import type {
  CommitRows,
  HeadRow,
  JournalRow,
  OutboxRow,
  ResultRow,
  TimerRow,
} from "../journal/commit-batch.ts";
import { eventEnvelope } from "../journal/event-envelope.ts";
import type { HostMessage, HostOutcome } from "../rules/rules-host.ts";
import { errorAnswer } from "../actor/command.ts";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";

/** The process that writes. */
export interface ProducerIdentity {
  readonly service: string;
  readonly version: string;
  readonly instance: string;
}

/** A command with what it came to. */
export interface DecidedCommand {
  readonly command: Command;
  readonly hex: ActiveHex;
  readonly outcome: HostOutcome;
}

/** How a hex stands after the batch. */
export interface HexProgress {
  readonly hex: ActiveHex;
  hexVersion: number;
  /** Of the journal, the last one of the batch; undefined = there is none. */
  lastEventId: Uint8Array | undefined;
  viewSeq: number;
  changes: number;
  /** Of VOLATILE commands. */
  volatileChanges: number;
}

/** A durable answer, for the memory of recent ones. */
export interface FinishedCommand {
  readonly command: Command;
  readonly stored: Uint8Array;
}

export interface CommitPlan {
  readonly rows: CommitRows;
  /** Encoded answers, in the order of the commands. */
  readonly answers: readonly Uint8Array[];
  readonly finished: readonly FinishedCommand[];
  /** View events by region. */
  readonly views: ReadonlyMap<string, readonly ViewEventFields[]>;
  readonly progress: readonly HexProgress[];
}

export interface PlanOptions {
  readonly epoch: bigint;
  readonly producer: ProducerIdentity;
  readonly mintId: () => Uint8Array;
}

/** Plans the commit of `decided`, which are in the order in which they were decided. */
export function planCommit(decided: readonly DecidedCommand[], options: PlanOptions): CommitPlan {
  const results: ResultRow[] = [];
  const journal: JournalRow[] = [];
  const outbox: OutboxRow[] = [];
  const timers = new Map<string, TimerRow>();
  const heads = new Map<ActiveHex, HeadRow>();
  const progress = new Map<ActiveHex, HexProgress>();
  const views = new Map<string, ViewEventFields[]>();
  const answers: Uint8Array[] = [];
  const finished: FinishedCommand[] = [];

  for (const { command, hex, outcome } of decided) {
    if (outcome.kind === "invalid") {
      const stored = errorAnswer(ErrorCode.INVALID_ARGUMENT, "invalid-payload", outcome.message);
      answers.push(answerBytes(command.envelope, stored, false));
      continue;
    }
    const durable = command.entry.durability === Durability.DURABLE;
    const stored = encodeStoredAnswer({
      hexVersion: outcome.hexVersion,
      epoch: options.epoch,
      durability: command.entry.durability,
      outcome:
        outcome.kind === "applied"
          ? { case: "applied", result: outcome.result }
          : {
              case: "refused",
              reason: outcome.reason,
              retryAfterMs: outcome.retryAfterMs,
              detail: outcome.detail,
            },
    });
    const isRead = command.entry.durability === Durability.READ;
    const place = isRead ? placeOf(hex, progress.get(hex)) : undefined;
    answers.push(answerBytes(command.envelope, stored, false, place));
    if (durable) {
      results.push(resultRow(command, stored, outcome.decidedMs));
      finished.push({ command, stored });
      const head = heads.get(hex);
      if (head === undefined) heads.set(hex, headRow(hex, outcome.hexVersion, outcome.decidedMs));
      else {
        head.to = outcome.hexVersion;
        head.decidedMs = outcome.decidedMs;
      }
    }
    if (outcome.kind === "refused" || isRead) continue;
    const after = progress.get(hex) ?? {
      hex,
      hexVersion: hex.hexVersion,
      lastEventId: undefined,
      viewSeq: hex.viewSeq,
      changes: 0,
      volatileChanges: 0,
    };
    progress.set(hex, after);
    after.hexVersion = outcome.hexVersion;
    for (const event of outcome.events) {
      const row = journalRow(command, hex, event, outcome.decidedMs, options.mintId());
      const envelope = eventEnvelope(row, options.producer);
      if (durable) {
        journal.push(row);
        after.lastEventId = row.eventId;
        for (const consumer of event.consumers) {
          outbox.push(domainRow(consumer, command, row, envelope));
        }
      }
      after.viewSeq = event.viewSeq;
      after.changes++;
      if (!durable) after.volatileChanges++;
      const regional = views.get(hex.region);
      const view = {
        key: hex.key,
        activationId: hex.activationId,
        viewSeq: event.viewSeq,
        hexVersion: event.hexVersion,
        event: envelope,
      };
      if (regional === undefined) views.set(hex.region, [view]);
      else regional.push(view);
    }
    for (const message of outcome.messages) {
      outbox.push(commandRow(message, command, outcome.decidedMs, options));
    }
    for (const { timer, armed } of outcome.timers) {
      // The last change of a timer counts.
      timers.set(`${hex.keyText} ${timer}`, { bucket: hex.bucket, ...hex.key, timer, armed });
    }
  }
  return {
    rows: { results, heads: [...heads.values()], journal, outbox, timers: [...timers.values()] },
    answers,
    finished,
    views,
    progress: [...progress.values()],
  };
}

/** Where a read stands among what observers see: behind what was decided before it in the batch. */
function placeOf(hex: ActiveHex, progress: HexProgress | undefined): ViewPlace {
  const { key, activationId } = hex;
  return { key, activationId, viewSeq: progress?.viewSeq ?? hex.viewSeq };
}

export function resultRow(command: Command, answer: Uint8Array, decidedMs: number): ResultRow {
  const { bucket, requestDay, idempotencyKey, payloadHash, fromClient } = command;
  return { bucket, requestDay, idempotencyKey, payloadHash, answer, decidedMs, fromClient };
}

export function headRow(hex: ActiveHex, to: number, decidedMs: number): HeadRow {
  return { bucket: hex.bucket, ...hex.key, from: hex.hexVersion, to, decidedMs };
}

function journalRow(
  command: Command,
  hex: ActiveHex,
  event: { type: string; messageVersion: number; payload: Uint8Array; hexVersion: number },
  decidedMs: number,
  eventId: Uint8Array,
): JournalRow {
  const { envelope } = command;
  return {
    bucket: hex.bucket,
    hexId: hex.key.hexId,
    layerId: hex.key.layerId,
    hexVersion: event.hexVersion,
    eventId,
    type: event.type,
    messageVersion: event.messageVersion,
    payload: event.payload,
    accountId: envelope.accountId.length === 16 ? envelope.accountId : null,
    idempotencyKey: command.idempotencyKey,
    decidedMs,
    traceparent: envelope.traceparent,
  };
}

/** An event for a domain service. Its subject is the account on whose command it happened, else the hex. */
function domainRow(
  destination: string,
  command: Command,
  row: JournalRow,
  envelope: Uint8Array,
): OutboxRow {
  const subject = row.accountId === null ? command.keyText : uuidText(row.accountId);
  return {
    destination,
    subject,
    hexId: null,
    layerId: null,
    envelope: withSubject(envelope, subject),
  };
}

/** A command that the rules send. Its request id is that of its row. */
function commandRow(
  message: HostMessage,
  cause: Command,
  decidedMs: number,
  options: PlanOptions,
): OutboxRow {
  const id = options.mintId();
  const { type, messageVersion, payload, to } = message;
  const key = "keyText" in to ? parseKeyText(to.keyText) : undefined;
  const subject = "subject" in to ? to.subject : undefined;
  const target = key === undefined ? Buffer.from(subject ?? "") : keyBytes(key);
  return {
    destination: "service" in to ? to.service : "hex",
    subject: subject ?? null,
    hexId: key?.hexId ?? null,
    layerId: key?.layerId ?? null,
    envelope: encodeEnvelope({
      type,
      messageVersion,
      key,
      subject,
      requestId: id,
      eventId: id,
      causationId: cause.envelope.eventId,
      correlationId: cause.envelope.correlationId,
      producer: options.producer,
      tsMs: decidedMs,
      idempotencyKey: idempotencyKeyOf({ accountId: undefined, requestId: id, type, target }),
      payload,
      traceparent: cause.envelope.traceparent,
    }),
  };
}
