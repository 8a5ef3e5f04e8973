/** From a letter to its row. Whatever stands in a letter, its row fits the table. */
import { fromBinary } from "@bufbuild/protobuf";
import { CommandDeadLetteredSchema } from "@hexhold/gen/hexhold/control/v1/dead_letter_pb";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { DecodeError, decodeEnvelope, sha256, uuidText } from "@hexhold/messaging";
import type { DeadLetterRow } from "../control-store.ts";

/** Characters of names: an index has no room for more than 2,704 bytes. */
const nameLengthMax = 256;
const errorLengthMax = 10_000;
const int4Max = 2 ** 31 - 1;
const int8Max = 2n ** 63n - 1n;
/** The end of the year 9999, Unix milliseconds. */
const timeMsMax = 253_402_300_799_000;

/** The row of a letter. Throws when the envelope's payload is no letter. */
export function letterRow(envelope: Envelope): DeadLetterRow {
  const letter = fromBinary(CommandDeadLetteredSchema, envelope.payload);
  const command = readable(letter.envelope);
  const { hexId, layerId } = command?.key ?? {};
  const fits = hexId !== undefined && hexId <= int8Max;
  return {
    eventId: eventIdOf(envelope),
    deadAtMs: Math.max(0, Math.min(Number(letter.atMs), timeMsMax)),
    slot: text(letter.slot, nameLengthMax),
    worker: text(letter.worker, nameLengthMax),
    type: text(command?.type ?? "", nameLengthMax),
    messageVersion: Math.min(command?.version ?? 0, int4Max),
    hexId: fits ? hexId : undefined,
    layerId,
    requestId: idText(command?.requestId),
    accountId: idText(command?.accountId),
    traceparent: text(command?.traceparent ?? envelope.traceparent, nameLengthMax),
    envelope: letter.envelope,
    error: text(letter.error, errorLengthMax),
    attempts: Math.min(letter.attempts, int4Max),
  };
}

/** What is left of a row that the store refuses: the bytes that were given up, when, and why no more of it is known. */
export function reducedRow(row: DeadLetterRow, refusal: string): DeadLetterRow {
  return {
    eventId: row.eventId,
    deadAtMs: row.deadAtMs,
    slot: "",
    worker: "",
    type: "",
    messageVersion: 0,
    hexId: undefined,
    layerId: undefined,
    requestId: undefined,
    accountId: undefined,
    traceparent: "",
    envelope: row.envelope,
    error: text(`the letter itself was refused: ${refusal}`, errorLengthMax),
    attempts: row.attempts,
  };
}

/** A NUL is the one character that PostgreSQL's text cannot hold. */
function text(value: string, lengthMax: number): string {
  return value.replaceAll("\u0000", "").slice(0, lengthMax).toWellFormed();
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

/** The letter's own id; where it has none, one that is made of its bytes, so that it is known again. */
function eventIdOf({ eventId, payload }: Envelope): string {
  return uuidText(eventId.length === 16 ? eventId : sha256(payload).subarray(0, 16));
}

function idText(bytes: Uint8Array | undefined): string | undefined {
  return bytes?.length === 16 ? uuidText(bytes) : undefined;
}
