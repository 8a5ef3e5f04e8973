import { create, toBinary } from "@bufbuild/protobuf";
import { CommandDeadLetteredSchema } from "@hexhold/gen/hexhold/control/v1/dead_letter_pb";
import { encodeEnvelope, type EnvelopeFields } from "./envelope-codec.ts";

/** Of every consumer's letters. */
export const letterType = "evt.worker.command-dead-lettered";

/** What was given up, by whom, and why. */
export interface DeadLetterFields {
  /** The bytes that were given up: an envelope, if they can be read. */
  readonly bytes: Uint8Array;
  readonly error: string;
  readonly attempts: number;
  /** Queue that they came from; the letter's subject. */
  readonly slot: string;
  readonly producer: EnvelopeFields["producer"];
  /** World time, Unix milliseconds. */
  readonly nowMs: number;
  /** 16 bytes: the letter's own. */
  readonly eventId: Uint8Array;
  /** Of what was given up, as far as it could be read. */
  readonly cause?: {
    readonly eventId?: Uint8Array;
    readonly correlationId?: Uint8Array;
    readonly traceparent?: string;
  };
}

/** An encoded envelope for the router, which keeps letters for the operators. */
export function encodeDeadLetter(letter: DeadLetterFields): Uint8Array {
  const { bytes, error, attempts, slot, producer, nowMs, eventId, cause } = letter;
  return encodeEnvelope({
    type: letterType,
    messageVersion: 1,
    subject: slot,
    eventId,
    causationId: cause?.eventId,
    correlationId: cause?.correlationId,
    producer,
    tsMs: nowMs,
    payload: toBinary(
      CommandDeadLetteredSchema,
      create(CommandDeadLetteredSchema, {
        envelope: bytes,
        error,
        attempts,
        slot,
        worker: producer.instance,
        atMs: BigInt(nowMs),
      }),
    ),
    traceparent: cause?.traceparent,
  });
}
