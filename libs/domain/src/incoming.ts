/** From the bytes of a queue message to what is to be done with each envelope. Pure. */
import type { Validator } from "@bufbuild/protovalidate";
import { type DescFile, fromBinary, type Message } from "@bufbuild/protobuf";
import {
  type Batch,
  type Envelope,
  EnvelopeSchema,
  ErrorCode,
} from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { type Sender, Step } from "@hexhold/gen/hexhold/options/v1/options_pb";
import {
  bytesText,
  claimOf,
  compiledValidator,
  createMessageRegistry,
  decodeBatch,
  decodeEnvelope,
  isUuidv7,
  type MessageEntry,
  type Publisher,
  ruleFault,
  senderOf,
  sha256,
  sha256Length,
  uuidv7Ms,
} from "@hexhold/messaging";
import type {
  HandleCommands,
  HandleEvents,
  MessageHandler,
  RefuseStep,
} from "./service-definition.ts";

/** Everything that arrives has bytes, which a dead letter keeps, and an id under which it is known again. */
interface Arrived {
  readonly bytes: Uint8Array;
  /** 16 bytes: the event_id, or made of the bytes where they have none. */
  readonly inboxId: Uint8Array;
  /** `inboxId` as text, for maps. */
  readonly inboxText: string;
  /** Undefined: not readable. */
  readonly envelope: Envelope | undefined;
  /** Where a commit has left it; undefined: no commit owed it. */
  readonly origin: Origin | undefined;
  /** A router has published what another service sent once: done only if it is known here as something still open. */
  readonly isBroughtBack: boolean;
}

/** A place in the world's outbox, and the life of the database in which the message was sent from there. */
export interface Origin {
  readonly life: bigint;
  readonly slot: string;
  readonly position: bigint;
}

export interface IncomingEvent extends Arrived {
  readonly kind: "event";
  readonly envelope: Envelope;
  readonly message: Message;
  readonly handle: HandleEvents;
}

export interface IncomingCommand extends Arrived {
  readonly kind: "command";
  readonly envelope: Envelope;
  readonly message: Message;
  readonly handle: HandleCommands;
  /** Of asked steps. */
  readonly refuse: RefuseStep | undefined;
  readonly entry: MessageEntry;
  readonly sender: Sender;
  /** The idempotency key as text, for maps. */
  readonly keyText: string;
  readonly payloadHash: Uint8Array;
  /** Moment inside the request's UUIDv7, Unix milliseconds. */
  readonly requestMs: number;
}

/** Of no use to anybody here: kept for the operators. */
export interface IncomingLetter extends Arrived {
  readonly kind: "letter";
  readonly error: string;
}

/** A command that is answered without being decided; nothing of it is stored. */
export interface IncomingFault extends Arrived {
  readonly kind: "fault";
  readonly envelope: Envelope;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly message: string;
}

/** Somebody spoke in another's name. Answered, counted, and kept by nobody: a letter might be sent again. */
export interface IncomingForgery extends Arrived {
  readonly kind: "forgery";
  readonly envelope: Envelope;
  readonly publisher: Publisher;
}

export type Incoming =
  | IncomingEvent
  | IncomingCommand
  | IncomingLetter
  | IncomingFault
  | IncomingForgery;

export type ReadBatch = (body: Uint8Array, publisher: Publisher) => Incoming[];

/** Throws a `RegistryError` when the contracts in `descriptors` contradict themselves, or name what is not in them. */
export function createBatchReader(
  handlers: readonly MessageHandler[],
  descriptors: readonly DescFile[] = [...new Set(handlers.map(({ schema }) => schema.file))],
): ReadBatch {
  const registry = createMessageRegistry(descriptors);
  const byType = new Map(
    handlers.map((handler) => {
      const { type, step } = registry.bySchema(handler.schema);
      const isAsked = handler.kind === "command" && handler.refuse !== undefined;
      if (isAsked !== (step === Step.ASKED)) {
        throw new TypeError(
          `${type}: what handles an asked step says how it is refused, and nothing else does (onAsked)`,
        );
      }
      return [type, handler];
    }),
  );

  const validator = compiledValidator([EnvelopeSchema, ...handlers.map(({ schema }) => schema)]);

  function read(bytes: Uint8Array, publisher: Publisher): Incoming {
    const unread = arrived(bytes, undefined);
    let envelope: Envelope;
    try {
      envelope = decodeEnvelope(bytes);
    } catch (error) {
      return { ...unread, kind: "letter", error: (error as Error).message };
    }
    const claim = claimOf(publisher, envelope);
    const at = { ...arrived(bytes, envelope), isBroughtBack: claim === "brought-back" };
    if (claim === "forged") return forgeryOf({ ...at, envelope }, publisher);
    const handler = byType.get(envelope.type);
    const entry = registry.byType(envelope.type);
    if (handler === undefined || entry === undefined) {
      return { ...at, kind: "letter", error: `nobody here handles ${envelope.type.slice(0, 128)}` };
    }
    if (handler.kind === "command") {
      const item = readCommand({ ...at, envelope }, handler, entry, validator);
      if (item.kind !== "fault" || entry.step === Step.UNSPECIFIED) return item;
      // Nobody waits for an answer to a step: that it cannot be read must not be lost.
      return { ...at, kind: "letter", error: `${entry.type}: ${item.reason}: ${item.message}` };
    }
    if (envelope.eventId.length !== 16) {
      return { ...at, kind: "letter", error: "an event without an event_id of 16 bytes" };
    }
    const payload = readPayload(entry, envelope.payload, validator);
    return "fault" in payload
      ? { ...at, kind: "letter", error: `${entry.type}: ${payload.fault}` }
      : { ...at, kind: "event", envelope, message: payload.message, handle: handler.handle };
  }

  return (body, publisher) => {
    let batch: Batch;
    try {
      batch = decodeBatch(body);
    } catch (error) {
      return [{ ...arrived(body, undefined), kind: "letter", error: (error as Error).message }];
    }
    const { envelopes, life, places } = batch;
    return envelopes.map((bytes, i): Incoming => {
      const item = read(bytes, publisher);
      const place = places[i];
      if (life === 0n || place === undefined) return item;
      return { ...item, origin: { life, slot: place.slot, position: place.position } };
    });
  };
}

function arrived(bytes: Uint8Array, envelope: Envelope | undefined) {
  const eventId = envelope?.eventId;
  const inboxId = eventId?.length === 16 ? eventId : sha256(bytes).subarray(0, 16);
  return {
    bytes,
    inboxId,
    inboxText: bytesText(inboxId),
    envelope,
    origin: undefined,
    isBroughtBack: false,
  };
}

/** What a router has brought back and nobody here knows: its forgery. Anything else is what it was. */
export function forgedByRouter(item: Incoming): Incoming {
  const { isBroughtBack, envelope } = item;
  if (!isBroughtBack || envelope === undefined) return item;
  return forgeryOf({ ...item, envelope }, { kind: "service", service: "router" });
}

function forgeryOf(
  at: Arrived & { readonly envelope: Envelope },
  publisher: Publisher,
): IncomingForgery {
  const { bytes, inboxId, inboxText, envelope, origin, isBroughtBack } = at;
  return {
    kind: "forgery",
    bytes,
    inboxId,
    inboxText,
    envelope,
    origin,
    isBroughtBack,
    publisher,
  };
}

function readCommand(
  at: Arrived & { readonly envelope: Envelope },
  { handle, refuse }: MessageHandler & { readonly kind: "command" },
  entry: MessageEntry,
  validator: Validator,
): IncomingCommand | IncomingFault {
  const { envelope } = at;
  const fault = (code: ErrorCode, reason: string, message: string): IncomingFault => ({
    ...at,
    kind: "fault",
    code,
    reason,
    message,
  });
  const invalid = (reason: string, message: string): IncomingFault =>
    fault(ErrorCode.INVALID_ARGUMENT, reason, message);
  if (envelope.version < 1) return invalid("unknown-version", "version must be at least 1");
  const broken = ruleFault(validator.validate(EnvelopeSchema, envelope));
  if (broken !== undefined) return invalid("invalid-envelope", broken);
  if (!isUuidv7(envelope.requestId) || envelope.eventId.length !== 16) {
    return invalid("invalid-id", "request_id must be a UUIDv7 and event_id 16 bytes");
  }
  if (envelope.idempotencyKey.length !== sha256Length) {
    return invalid("invalid-idempotency-key", "idempotency_key must be 32 bytes");
  }
  const sender = senderOf(envelope);
  if (!entry.senders.has(sender)) {
    const who = envelope.producer?.service || "nobody";
    const message = `${entry.type} may not be sent by ${who}`;
    return fault(ErrorCode.PERMISSION_DENIED, "sender-not-allowed", message);
  }
  const payload = readPayload(entry, envelope.payload, validator);
  if ("fault" in payload) return invalid("invalid-payload", `${entry.type}: ${payload.fault}`);
  return {
    ...at,
    kind: "command",
    message: payload.message,
    handle,
    refuse,
    entry,
    sender,
    keyText: bytesText(envelope.idempotencyKey),
    payloadHash: sha256(envelope.payload),
    requestMs: uuidv7Ms(envelope.requestId),
  };
}

function readPayload(
  entry: MessageEntry,
  payload: Uint8Array,
  validator: Validator,
): { readonly message: Message } | { readonly fault: string } {
  let message: Message;
  try {
    message = fromBinary(entry.schema, payload);
  } catch (error) {
    return { fault: `the payload is no ${entry.schema.typeName}: ${(error as Error).message}` };
  }
  const fault = ruleFault(validator.validate(entry.schema, message));
  return fault === undefined ? { message } : { fault };
}
