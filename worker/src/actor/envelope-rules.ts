/** The rules of an envelope, as envelope.proto has them. */
import { type Envelope, EnvelopeSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { compiledValidator, ruleFault } from "@hexhold/messaging";

const validator = compiledValidator([EnvelopeSchema]);

/** What is wrong with an envelope by its rules, for people; undefined when nothing is. */
export function envelopeFault(envelope: Envelope): string | undefined {
  if (isPlainlyRight(envelope)) return undefined;
  return ruleFault(validator.validate(EnvelopeSchema, envelope));
}

/**
 * Whether an envelope certainly keeps its rules: every command is asked, and the validator takes longer than
 * decoding it. Who is not plainly right is judged by the validator; the test holds one to the other.
 */
export function isPlainlyRight(envelope: Envelope): boolean {
  const { type, version, requestId, eventId, payload, traceparent, subject } = envelope;
  return (
    type.length >= 1 &&
    // Of UTF-16, never fewer than the characters that the rule counts.
    type.length <= 128 &&
    version >= 1 &&
    requestId.length === 16 &&
    eventId.length === 16 &&
    payload.length <= 16_384 &&
    traceparent.length <= 55 &&
    subject.length <= 128
  );
}
