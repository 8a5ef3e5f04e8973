/** Bytes of queue messages and of what is in them. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type Answer,
  AnswerBatchSchema,
  AnswerSchema,
  type Batch,
  BatchSchema,
  type Envelope,
  EnvelopeSchema,
  type Key as WireKey,
  type ViewBatch,
  ViewBatchSchema,
} from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Key } from "@hexhold/hex";

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

export function encodeEnvelope(envelope: MessageInitShape<typeof EnvelopeSchema>): Uint8Array {
  return toBinary(EnvelopeSchema, create(EnvelopeSchema, envelope));
}

/** Throws {@link DecodeError}. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  return decoding("an envelope", () => fromBinary(EnvelopeSchema, bytes));
}

export function encodeBatch(batch: {
  routeVersion: bigint;
  suspect?: boolean;
  envelopes: Uint8Array[];
}): Uint8Array {
  return toBinary(BatchSchema, create(BatchSchema, batch));
}

/** Throws {@link DecodeError}. */
export function decodeBatch(bytes: Uint8Array): Batch {
  return decoding("a batch", () => fromBinary(BatchSchema, bytes));
}

export function encodeAnswers(answers: readonly Answer[]): Uint8Array {
  return toBinary(AnswerBatchSchema, create(AnswerBatchSchema, { answers: [...answers] }));
}

/** Throws {@link DecodeError}. */
export function decodeAnswers(bytes: Uint8Array): Answer[] {
  return decoding("an answer batch", () => fromBinary(AnswerBatchSchema, bytes).answers);
}

export function encodeViews(batch: MessageInitShape<typeof ViewBatchSchema>): Uint8Array {
  return toBinary(ViewBatchSchema, create(ViewBatchSchema, batch));
}

/** Throws {@link DecodeError}. */
export function decodeViews(bytes: Uint8Array): ViewBatch {
  return decoding("a view batch", () => fromBinary(ViewBatchSchema, bytes));
}

/** What is stored of an answer: all but the ids of one send. */
export function encodeStoredAnswer(answer: Answer): Uint8Array {
  const { key: _key, ...kept } = answer;
  const none = new Uint8Array(0);
  return toBinary(AnswerSchema, {
    ...kept,
    commandEventId: none,
    requestId: none,
    replayed: false,
  });
}

/** The answer to a repetition, from what was stored. */
export function replayedAnswer(stored: Uint8Array, command: Envelope): Answer {
  const answer = decoding("a stored answer", () => fromBinary(AnswerSchema, stored));
  return {
    ...answer,
    commandEventId: command.eventId,
    requestId: command.requestId,
    ...(command.key === undefined ? {} : { key: command.key }),
    replayed: true,
  };
}

export function keyOfWire(key: WireKey): Key {
  return { hexId: key.hexId, layerId: key.layerId };
}
