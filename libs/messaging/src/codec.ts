/**
 * Bytes of queue messages and of what is in them but for envelopes (envelope-codec.ts).
 *
 * What every command pays for is written field by field: making a generated message and encoding it by
 * reflection costs several times as much (bench/README.md). `codec.test.ts` holds these writers and readers to the
 * generated code, which does all else.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import {
  type Answer,
  AnswerSchema,
  type Batch,
  ErrorCode,
  type Key as WireKey,
  type OutboxPlace,
  type ViewBatch,
  type ViewEvent,
  type ViewMark,
} from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import type { Key } from "@hexhold/hex";
import {
  bytesField,
  decoding,
  fieldOf,
  knownField,
  keyField,
  noBytes,
  readKey,
  textField,
  uintField,
  type WireTypes,
} from "./wire-fields.ts";
import { WireReader } from "./wire-reader.ts";
import { encoded, type WireWriter } from "./wire-writer.ts";

/** Fields that are read here. */
const { Varint, LengthDelimited } = WireType;
const answerWireTypes: WireTypes = [
  undefined,
  ...Array.from({ length: 3 }, () => LengthDelimited),
  ...Array.from({ length: 4 }, () => Varint),
  ...Array.from({ length: 4 }, () => LengthDelimited),
];
const batchWireTypes: WireTypes = [
  undefined,
  Varint,
  Varint,
  LengthDelimited,
  Varint,
  LengthDelimited,
];
const placeWireTypes: WireTypes = [undefined, LengthDelimited, Varint];
const answerBatchWireTypes: WireTypes = [undefined, LengthDelimited];
const viewBatchWireTypes: WireTypes = [undefined, LengthDelimited, LengthDelimited];
const viewMarkWireTypes: WireTypes = [undefined, LengthDelimited, LengthDelimited, Varint];
const viewEventWireTypes: WireTypes = [...viewMarkWireTypes, Varint, LengthDelimited];

/** Where the envelopes of a batch lie in the world's outbox, in their order. */
export interface BatchOrigin {
  /** Of the database; 0 = none. */
  readonly life: bigint;
  readonly places: readonly { readonly slot: string; readonly position: bigint }[];
}

export function encodeBatch(batch: {
  readonly routeVersion: bigint;
  readonly suspect?: boolean;
  readonly envelopes: readonly Uint8Array[];
  /** What a commit owed: where it lies in the outbox of which life of the database. */
  readonly origin?: BatchOrigin | undefined;
}): Uint8Array {
  return encoded((writer) => {
    uintField(writer, 1, batch.routeVersion);
    if (batch.suspect === true) writer.tag(2, WireType.Varint).varint(1);
    for (const envelope of batch.envelopes) writer.tag(3, WireType.LengthDelimited).bytes(envelope);
    if (batch.origin === undefined) return;
    uintField(writer, 4, batch.origin.life);
    for (const { slot, position } of batch.origin.places) {
      writer.tag(5, WireType.LengthDelimited).fork();
      textField(writer, 1, slot);
      uintField(writer, 2, position);
      writer.join();
    }
  });
}

/** Throws {@link DecodeError}. */
export function decodeBatch(bytes: Uint8Array): Batch {
  return decoding("a batch", () => {
    const reader = new WireReader(bytes);
    const batch: Batch = {
      $typeName: "hexhold.envelope.v1.Batch",
      routeVersion: 0n,
      suspect: false,
      envelopes: [],
      life: 0n,
      places: [],
    };
    while (reader.more()) {
      switch (fieldOf(reader, batchWireTypes)) {
        case 1:
          batch.routeVersion = reader.varint64();
          break;
        case 2:
          batch.suspect = reader.varint() !== 0;
          break;
        case 3:
          batch.envelopes.push(reader.bytes());
          break;
        case 4:
          batch.life = reader.varint64();
          break;
        case 5:
          batch.places.push(readPlace(reader));
          break;
        default:
      }
    }
    return batch;
  });
}

function readPlace(reader: WireReader): OutboxPlace {
  const place: OutboxPlace = {
    $typeName: "hexhold.envelope.v1.OutboxPlace",
    slot: "",
    position: 0n,
  };
  for (const end = reader.open(); reader.more(end);) {
    switch (fieldOf(reader, placeWireTypes)) {
      case 1:
        place.slot = reader.string();
        break;
      case 2:
        place.position = reader.varint64();
        break;
      default:
    }
  }
  return place;
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
    const reader = new WireReader(body);
    const answers: Uint8Array[] = [];
    while (reader.more()) {
      if (fieldOf(reader, answerBatchWireTypes) === 1) answers.push(reader.bytes());
    }
    return answers;
  });
}

/** What a gateway looks at in an answer before it hands it on. */
export interface AnswerHead {
  /** Of the command, as text (`bytesText`). */
  readonly eventText: string;
  readonly replayed: boolean;
  readonly outcome: "applied" | "refused" | "error" | undefined;
  /** `UNSPECIFIED` unless the outcome is an error. */
  readonly errorCode: ErrorCode;
}

/** Throws {@link DecodeError}. */
export function decodeAnswerHead(bytes: Uint8Array): AnswerHead {
  return decoding("an answer", () => {
    const reader = new WireReader(bytes);
    let eventText = "";
    let replayed = false;
    let outcome: AnswerHead["outcome"];
    let errorCode: ErrorCode = ErrorCode.UNSPECIFIED;
    while (reader.more()) {
      const tag = reader.tag();
      switch (knownField(tag, answerWireTypes)) {
        case 1:
          eventText = reader.bytesText();
          break;
        case 6:
          replayed = reader.varint() !== 0;
          break;
        case 8:
          outcome = "applied";
          reader.skip(tag);
          break;
        case 9:
          outcome = "refused";
          reader.skip(tag);
          break;
        case 10:
          outcome = "error";
          errorCode = readErrorCode(reader);
          break;
        default:
          reader.skip(tag);
      }
    }
    return { eventText, replayed, outcome, errorCode };
  });
}

function readErrorCode(reader: WireReader): ErrorCode {
  let code: ErrorCode = ErrorCode.UNSPECIFIED;
  for (const end = reader.open(); reader.more(end);) {
    const tag = reader.tag();
    // The other fields of an error are of no concern here, whatever their wire types.
    if (tag === 8) code = reader.varint() as ErrorCode;
    else reader.skip(tag);
  }
  return code;
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
  return decoding("a view batch", () => {
    const reader = new WireReader(bytes);
    const batch: ViewBatch = { $typeName: "hexhold.envelope.v1.ViewBatch", events: [], marks: [] };
    while (reader.more()) {
      const field = fieldOf(reader, viewBatchWireTypes);
      if (field === 1) batch.events.push(readViewEvent(reader));
      else if (field === 2) batch.marks.push(readViewMark(reader));
    }
    return batch;
  });
}

function readViewEvent(reader: WireReader): ViewEvent {
  const event: ViewEvent = {
    $typeName: "hexhold.envelope.v1.ViewEvent",
    activationId: noBytes,
    viewSeq: 0n,
    hexVersion: 0n,
    event: noBytes,
  };
  for (const end = reader.open(); reader.more(end);) {
    switch (fieldOf(reader, viewEventWireTypes)) {
      case 1:
        event.key = readKey(reader, event.key);
        break;
      case 2:
        event.activationId = reader.bytes();
        break;
      case 3:
        event.viewSeq = reader.varint64();
        break;
      case 4:
        event.hexVersion = reader.varint64();
        break;
      case 5:
        event.event = reader.bytes();
        break;
      default:
    }
  }
  return event;
}

function readViewMark(reader: WireReader): ViewMark {
  const mark: ViewMark = {
    $typeName: "hexhold.envelope.v1.ViewMark",
    activationId: noBytes,
    viewSeq: 0n,
  };
  for (const end = reader.open(); reader.more(end);) {
    switch (fieldOf(reader, viewMarkWireTypes)) {
      case 1:
        mark.key = readKey(reader, mark.key);
        break;
      case 2:
        mark.activationId = reader.bytes();
        break;
      case 3:
        mark.viewSeq = reader.varint64();
        break;
      default:
    }
  }
  return mark;
}

export function keyOfWire(key: WireKey): Key {
  return { hexId: key.hexId, layerId: key.layerId };
}
