/**
 * Parameters of `world.commit_batch`: an array a column, written row by row in one pass. The columns are this
 * process's only ones: a call fills and empties them without a pause, and gives copies.
 */
import {
  BoolColumn,
  ByteaColumn,
  Int2Column,
  Int4Column,
  Int8Column,
  TextColumn,
  UuidColumn,
} from "@hexhold/postgres";
import type {
  CommitPart,
  HeadRow,
  JournalRow,
  OutboxRow,
  ResultRow,
  TimerRow,
} from "./commit-batch.ts";

/** In the order of the function's parameters, but for `wait`, which comes behind the parts. */
const parts = {
  slot: new TextColumn(),
  epoch: new Int8Column(),
  routeVersion: new Int8Column(),
};
const results = {
  bucket: new Int2Column(),
  requestDay: new Int4Column(),
  idempotencyKey: new ByteaColumn(),
  payloadHash: new ByteaColumn(),
  answer: new ByteaColumn(),
  decidedMs: new Int8Column(),
  fromClient: new BoolColumn(),
};
const heads = {
  /** The place of the row's part, from 1. */
  part: new Int2Column(),
  bucket: new Int2Column(),
  hexId: new Int8Column(),
  layerId: new Int8Column(),
  from: new Int8Column(),
  to: new Int8Column(),
  decidedMs: new Int8Column(),
};
const journal = {
  part: new Int2Column(),
  bucket: new Int2Column(),
  hexId: new Int8Column(),
  layerId: new Int8Column(),
  hexVersion: new Int8Column(),
  eventId: new UuidColumn(),
  type: new TextColumn(),
  messageVersion: new Int4Column(),
  payload: new ByteaColumn(),
  accountId: new UuidColumn(),
  idempotencyKey: new ByteaColumn(),
  decidedMs: new Int8Column(),
  traceparent: new TextColumn(),
};
const outbox = {
  part: new Int2Column(),
  destination: new TextColumn(),
  subject: new TextColumn(),
  hexId: new Int8Column(),
  layerId: new Int8Column(),
  envelope: new ByteaColumn(),
};
const timers = {
  part: new Int2Column(),
  bucket: new Int2Column(),
  hexId: new Int8Column(),
  layerId: new Int8Column(),
  timer: new TextColumn(),
  dueMs: new Int8Column(),
  armedVersion: new Int8Column(),
};

const ofParts = Object.values(parts);
const ofRows = [results, heads, journal, outbox, timers].flatMap((table) => Object.values(table));

export const parameterCount = ofParts.length + 1 + ofRows.length;

export function commitParameters(all: readonly CommitPart[], wait: boolean): unknown[] {
  // Of a commit whose values were refused.
  for (const column of ofParts) column.clear();
  for (const column of ofRows) column.clear();
  for (let i = 0; i < all.length; i++) addPart(all[i]!, i + 1);
  return [...ofParts.map(taken), wait, ...ofRows.map(taken)];
}

const taken = (column: { take(): Buffer }): Buffer => column.take();

function addPart({ slot, epoch, routeVersion, rows }: CommitPart, part: number): void {
  parts.slot.add(slot);
  parts.epoch.add(epoch);
  parts.routeVersion.add(routeVersion);
  for (let i = 0; i < rows.results.length; i++) addResult(rows.results[i]!);
  for (let i = 0; i < rows.heads.length; i++) addHead(rows.heads[i]!, part);
  for (let i = 0; i < rows.journal.length; i++) addJournal(rows.journal[i]!, part);
  for (let i = 0; i < rows.outbox.length; i++) addOutbox(rows.outbox[i]!, part);
  for (let i = 0; i < rows.timers.length; i++) addTimer(rows.timers[i]!, part);
}

function addResult(row: ResultRow): void {
  results.bucket.add(row.bucket);
  results.requestDay.add(row.requestDay);
  results.idempotencyKey.add(row.idempotencyKey);
  results.payloadHash.add(row.payloadHash);
  results.answer.add(row.answer);
  results.decidedMs.add(row.decidedMs);
  results.fromClient.add(row.fromClient);
}

function addHead(row: HeadRow, part: number): void {
  heads.part.add(part);
  heads.bucket.add(row.bucket);
  heads.hexId.add(row.hexId);
  heads.layerId.add(row.layerId);
  heads.from.add(row.from);
  heads.to.add(row.to);
  heads.decidedMs.add(row.decidedMs);
}

function addJournal(row: JournalRow, part: number): void {
  journal.part.add(part);
  journal.bucket.add(row.bucket);
  journal.hexId.add(row.hexId);
  journal.layerId.add(row.layerId);
  journal.hexVersion.add(row.hexVersion);
  journal.eventId.add(row.eventId);
  journal.type.add(row.type);
  journal.messageVersion.add(row.messageVersion);
  journal.payload.add(row.payload);
  journal.accountId.add(row.accountId);
  journal.idempotencyKey.add(row.idempotencyKey);
  journal.decidedMs.add(row.decidedMs);
  journal.traceparent.add(row.traceparent);
}

function addOutbox(row: OutboxRow, part: number): void {
  outbox.part.add(part);
  outbox.destination.add(row.destination);
  outbox.subject.add(row.subject);
  outbox.hexId.add(row.hexId);
  outbox.layerId.add(row.layerId);
  outbox.envelope.add(row.envelope);
}

function addTimer(row: TimerRow, part: number): void {
  timers.part.add(part);
  timers.bucket.add(row.bucket);
  timers.hexId.add(row.hexId);
  timers.layerId.add(row.layerId);
  timers.timer.add(row.timer);
  timers.dueMs.add(row.armed?.dueMs ?? null);
  timers.armedVersion.add(row.armed?.armedVersion ?? null);
}
