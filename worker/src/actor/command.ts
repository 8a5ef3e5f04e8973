/** A command as the driver carries it from the delivery to its answer. */
import { type Envelope, ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Durability, Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { bucketOf, cellFault, type Key, keyText } from "@hexhold/hex";
import {
  type AnswerOutcome,
  claimOf,
  encodeStoredAnswer,
  forgeryText,
  isUuidv7,
  type MessageEntry,
  type MessageRegistry,
  type Publisher,
  senderOf,
  sha256,
  sha256Length,
  uuidv7Ms,
} from "@hexhold/messaging";
import { envelopeFault } from "./envelope-rules.ts";

export interface Command {
  readonly envelope: Envelope;
  /** As it was received: what a dead letter keeps. */
  readonly envelopeBytes: Uint8Array;
  readonly entry: MessageEntry;
  readonly key: Key;
  readonly keyText: string;
  readonly bucket: number;
  readonly sender: Sender;
  readonly idempotencyKey: Uint8Array;
  readonly payloadHash: Uint8Array;
  /** Day inside the request's UUIDv7, in days since 1970. */
  readonly requestDay: number;
  /** Moment inside the request's UUIDv7, Unix milliseconds. */
  readonly requestMs: number;
  /** The request id was chosen by a client: its day may be too old. */
  readonly fromClient: boolean;
}

const dayMs = 86_400_000;

/** What is wrong with an envelope that a worker will not decide. */
export interface EnvelopeFault {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly message: string;
}

/** Reason of a command that somebody published in another's name. */
export const forged = "publisher-differs";

/** Checks an envelope, and whether `publisher` may speak for its producer. The payload's own rules are checked by the rules host. */
export function commandOf(
  envelope: Envelope,
  envelopeBytes: Uint8Array,
  publisher: Publisher,
  registry: MessageRegistry,
): Command | EnvelopeFault {
  // Of commands for hexes nothing is brought back: their answers are final.
  if (claimOf(publisher, envelope) !== "own") {
    return {
      code: ErrorCode.PERMISSION_DENIED,
      reason: forged,
      message: forgeryText(envelope, publisher),
    };
  }
  const entry = registry.byType(envelope.type);
  if (entry === undefined || entry.kind !== "command") {
    return invalid("unknown-type", `no command is called ${JSON.stringify(envelope.type)}`);
  }
  if (envelope.version < 1) return invalid("unknown-version", "version must be at least 1");
  const fault = envelopeFault(envelope);
  if (fault !== undefined) return invalid("invalid-envelope", fault);
  const { key } = envelope;
  if (key === undefined || cellFault(key.hexId) !== undefined) {
    return invalid("not-a-cell", "a command for a hex needs the key of one");
  }
  if (!isUuidv7(envelope.requestId) || envelope.eventId.length !== 16) {
    return invalid("invalid-id", "request_id must be a UUIDv7 and event_id 16 bytes");
  }
  if (envelope.idempotencyKey.length !== sha256Length) {
    return invalid("invalid-idempotency-key", "idempotency_key must be 32 bytes");
  }
  const sender = senderOf(envelope);
  if (!entry.senders.has(sender)) {
    return {
      code: ErrorCode.PERMISSION_DENIED,
      reason: "sender-not-allowed",
      message: `${envelope.type} may not be sent by ${envelope.producer?.service || "nobody"}`,
    };
  }
  const { idempotencyKey } = envelope;
  const requestMs = uuidv7Ms(envelope.requestId);
  return {
    envelope,
    envelopeBytes,
    entry,
    key: { hexId: key.hexId, layerId: key.layerId },
    keyText: keyText(key),
    bucket: bucketOf(key),
    sender,
    idempotencyKey,
    payloadHash: sha256(envelope.payload),
    requestDay: Math.floor(requestMs / dayMs),
    requestMs,
    fromClient: sender === Sender.CLIENT,
  };
}

/** Told apart from a command by its code. */
export function isFault(command: Command | EnvelopeFault): command is EnvelopeFault {
  return "code" in command;
}

/** An error answer without ids. */
export function errorAnswer(
  code: ErrorCode,
  reason: string,
  message: string,
  retryAfterMs = 0,
): Uint8Array {
  const outcome: AnswerOutcome = { case: "error", errorCode: code, reason, message, retryAfterMs };
  return encodeStoredAnswer({
    hexVersion: 0,
    epoch: 0n,
    durability: Durability.UNSPECIFIED,
    outcome,
  });
}

function invalid(reason: string, message: string): EnvelopeFault {
  return { code: ErrorCode.INVALID_ARGUMENT, reason, message };
}
