/**
 * Bytes of queue messages and of what is in them.
 *
 * What every command pays for is written field by field: making a generated message and encoding it by
 * reflection costs several times as much (bench/README.md). `codec.test.ts` holds these writers to the
 * generated code, byte by byte. Reading uses the generated code.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  type Answer,
  AnswerSchema,
  type Batch,
  BatchSchema,
  type Envelope,
  EnvelopeSchema,
  type Key as WireKey,
  type ViewBatch,
  ViewBatchSchema,
} from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import type { Key } from "@hexhold/hex";
import { encoded, type WireWriter } from "./wire-writer.ts";

/** Bytes that should have been a message of ours were none. */
export class DecodeError extends Error {
  readonly code = "DECODE";
  constructor(what: string, cause: unknown) {
    super(`${what} cannot be decoded: ${(cause as Error).message}`, { cause });
    this.name = "DecodeError";
  }
}

function decoding<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new DecodeError(what, error);
  }
}

const noBytes = new Uint8Array(0);

function bytesField(writer: WireWriter, field: number, value: Uint8Array | undefined): void {
  if (value !== undefined && value.length > 0)
    writer.tag(field, WireType.LengthDelimited).bytes(value);
}

function textField(writer: WireWriter, field: number, value: string | undefined): void {
  if (value !== undefined && value !== "")
    writer.tag(field, WireType.LengthDelimited).string(value);
}

function uintField(writer: WireWriter, field: number, value: bigint | number | undefined): void {
  if (value === undefined || value === 0 || value === 0n) return;
  writer.tag(field, WireType.Varint);
  if (typeof value === "number") writer.varint(value);
  else writer.varint64(value);
}

function keyField(writer: WireWriter, field: number, key: Key | undefined): void {
  if (key === undefined) return;
  writer.tag(field, WireType.LengthDelimited).fork();
  if (key.hexId !== 0n) writer.tag(1, WireType.Bit64).fixed64(key.hexId);
  uintField(writer, 2, key.layerId);
  writer.join();
}

/** An envelope as its producer fills it. */
export interface EnvelopeFields {
  readonly type: string;
  readonly messageVersion: number;
  readonly key?: Key | undefined;
  readonly requestId?: Uint8Array | undefined;
  readonly eventId: Uint8Array;
  readonly causationId?: Uint8Array | undefined;
  readonly correlationId?: Uint8Array | undefined;
  readonly producer: {
    readonly service: string;
    readonly version: string;
    readonly instance: string;
  };
  readonly tsMs: number;
  readonly idempotencyKey?: Uint8Array | undefined;
  readonly payload: Uint8Array;
  readonly accountId?: Uint8Array | undefined;
  readonly sessionId?: Uint8Array | undefined;
  readonly volatileSeq?: bigint | undefined;
  readonly deadlineMs?: number | undefined;
  readonly traceparent?: string | undefined;
  readonly subject?: string | undefined;
}

export function encodeEnvelope(envelope: EnvelopeFields): Uint8Array {
  return encoded((writer) => {
    textField(writer, 1, envelope.type);
    uintField(writer, 2, envelope.messageVersion);
    keyField(writer, 3, envelope.key);
    bytesField(writer, 4, envelope.requestId);
    bytesField(writer, 5, envelope.eventId);
    bytesField(writer, 6, envelope.causationId);
    bytesField(writer, 7, envelope.correlationId);
    writer.tag(8, WireType.LengthDelimited).fork();
    textField(writer, 1, envelope.producer.service);
    textField(writer, 2, envelope.producer.version);
    textField(writer, 3, envelope.producer.instance);
    writer.join();
    uintField(writer, 9, envelope.tsMs);
    bytesField(writer, 10, envelope.idempotencyKey);
    bytesField(writer, 11, envelope.payload);
    bytesField(writer, 12, envelope.accountId);
    bytesField(writer, 13, envelope.sessionId);
    uintField(writer, 14, envelope.volatileSeq);
    uintField(writer, 15, envelope.deadlineMs);
    textField(writer, 16, envelope.traceparent);
    textField(writer, 17, envelope.subject);
  });
}

/** An encoded envelope that has no subject, with one: the same bytes as if it had been encoded with it. */
export function withSubject(envelope: Uint8Array, subject: string): Uint8Array {
  return encoded((writer) => {
    writer.raw(envelope);
    textField(writer, 17, subject);
  });
}

/** Throws {@link DecodeError}. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  return decoding("an envelope", () => fromBinary(EnvelopeSchema, bytes));
}

export function encodeBatch(batch: {
  readonly routeVersion: bigint;
  readonly suspect?: boolean;
  readonly envelopes: readonly Uint8Array[];
}): Uint8Array {
  return encoded((writer) => {
    uintField(writer, 1, batch.routeVersion);
    if (batch.suspect === true) writer.tag(2, WireType.Varint).varint(1);
    for (const envelope of batch.envelopes) writer.tag(3, WireType.LengthDelimited).bytes(envelope);
  });
}

/** Throws {@link DecodeError}. */
export function decodeBatch(bytes: Uint8Array): Batch {
  return decoding("a batch", () => fromBinary(BatchSchema, bytes));
}

/** The outcome of a command, as it is stored and sent. */
export type AnswerOutcome =
  | { readonly case: "applied"; readonly result: Uint8Array }
  | {
      readonly case: "refused";
      readonly reason: string;
      readonly retryAfterMs: number;
      readonly detail: Uint8Array;
    }
  | {
      readonly case: "error";
      readonly errorCode: number;
      readonly reason: string;
      readonly retryAfterMs?: number;
      readonly message: string;
    };

/**
 * What is stored of an answer: all but the ids of one send, so that a repetition gets the same bytes.
 * {@link answerBytes} puts the ids of a send before it: fields of a message may come in any order, and
 * concatenation merges (protobuf encoding, "Last One Wins").
 */
export function encodeStoredAnswer(answer: {
  readonly hexVersion: number;
  readonly epoch: bigint;
  readonly durability: Durability;
  readonly outcome: AnswerOutcome;
}): Uint8Array {
  return encoded((writer) => {
    uintField(writer, 4, answer.hexVersion);
    uintField(writer, 5, answer.epoch);
    uintField(writer, 7, answer.durability);
    const { outcome } = answer;
    switch (outcome.case) {
      case "applied":
        writer.tag(8, WireType.LengthDelimited).fork();
        bytesField(writer, 1, outcome.result);
        break;
      case "refused":
        writer.tag(9, WireType.LengthDelimited).fork();
        textField(writer, 1, outcome.reason);
        uintField(writer, 2, outcome.retryAfterMs);
        bytesField(writer, 3, outcome.detail);
        break;
      default:
        writer.tag(10, WireType.LengthDelimited).fork();
        uintField(writer, 1, outcome.errorCode);
        textField(writer, 2, outcome.reason);
        uintField(writer, 3, outcome.retryAfterMs);
        textField(writer, 4, outcome.message);
    }
    writer.join();
  });
}

/** Which send an answer is for. */
export interface AnswerTo {
  readonly eventId: Uint8Array;
  readonly requestId: Uint8Array;
  readonly key?: Key | undefined;
}

/** A place in what observers see of a hex. */
export interface ViewPlace {
  readonly key: Key;
  readonly activationId: Uint8Array;
  readonly viewSeq: number;
}

function viewPlaceField(writer: WireWriter, field: number, place: ViewPlace): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  keyField(writer, 1, place.key);
  bytesField(writer, 2, place.activationId);
  uintField(writer, 3, place.viewSeq);
  writer.join();
}

/** An encoded Answer: the ids of a send, what {@link encodeStoredAnswer} made, and for reads their place. */
export function answerBytes(
  to: AnswerTo,
  stored: Uint8Array,
  replayed: boolean,
  view?: ViewPlace,
): Uint8Array {
  return encoded((writer) => {
    bytesField(writer, 1, to.eventId);
    bytesField(writer, 2, to.requestId);
    keyField(writer, 3, to.key);
    if (replayed) writer.tag(6, WireType.Varint).varint(1);
    writer.raw(stored);
    if (view !== undefined) viewPlaceField(writer, 11, view);
  });
}

/** Body of `answers.v1` from encoded answers. */
export function encodeAnswers(answers: readonly Uint8Array[]): Uint8Array {
  return encoded((writer) => {
    for (const answer of answers) writer.tag(1, WireType.LengthDelimited).bytes(answer);
  });
}

/** The encoded answers of a body `answers.v1`. Throws {@link DecodeError}. */
export function splitAnswers(body: Uint8Array): Uint8Array[] {
  return decoding("an answer batch", () => {
    const reader = new BinaryReader(body);
    const answers: Uint8Array[] = [];
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 1 && wireType === WireType.LengthDelimited) answers.push(reader.bytes());
      else reader.skip(wireType, field);
    }
    return answers;
  });
}

/** Throws {@link DecodeError}. */
export function decodeAnswer(bytes: Uint8Array): Answer {
  return decoding("an answer", () => fromBinary(AnswerSchema, bytes));
}

/** A view event as its owner fills it. */
export interface ViewEventFields extends ViewPlace {
  readonly hexVersion: number;
  /** Encoded envelope. */
  readonly event: Uint8Array;
}

export function encodeViews(batch: {
  readonly events: readonly ViewEventFields[];
  readonly marks: readonly ViewPlace[];
}): Uint8Array {
  return encoded((writer) => {
    for (const event of batch.events) {
      writer.tag(1, WireType.LengthDelimited).fork();
      keyField(writer, 1, event.key);
      bytesField(writer, 2, event.activationId);
      uintField(writer, 3, event.viewSeq);
      uintField(writer, 4, event.hexVersion);
      bytesField(writer, 5, event.event);
      writer.join();
    }
    for (const mark of batch.marks) viewPlaceField(writer, 2, mark);
  });
}

/** Throws {@link DecodeError}. */
export function decodeViews(bytes: Uint8Array): ViewBatch {
  return decoding("a view batch", () => fromBinary(ViewBatchSchema, bytes));
}

export function keyOfWire(key: WireKey): Key {
  return { hexId: key.hexId, layerId: key.layerId };
}

/** Stands for "no bytes" wherever a field of bytes may be empty. */
export { noBytes };
