/** Answers of a domain service. They carry no key, no version and no epoch: those are of hexes. */
import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import {
  type AnswerOutcome,
  encodeStoredAnswer,
  forgeryText,
  type MessageEntry,
  noBytes,
} from "@hexhold/messaging";
import type { IncomingForgery } from "./incoming.ts";
import type { CommandOutcome } from "./service-definition.ts";

/** Throws when the outcome is not one that the command's contract has: a fault of the handler. */
export function outcomeAnswer(entry: MessageEntry, outcome: CommandOutcome): Uint8Array {
  if (outcome.kind === "applied") {
    const result = encoded(entry.resultSchema, outcome.result, `${entry.type}: its result`);
    return stored(entry.durability, { case: "applied", result });
  }
  const { reason, retryAfterMs = 0, detail } = outcome;
  if (!entry.refusals.has(reason)) {
    throw new TypeError(
      `${entry.type} is refused with ${reason}, which its contract does not list`,
    );
  }
  return stored(entry.durability, {
    case: "refused",
    reason,
    retryAfterMs,
    detail: encoded(entry.refusalDetailSchema, detail, `${entry.type}: the detail of a refusal`),
  });
}

/** To a message that somebody published in another's name. */
export function forgeryAnswer({ envelope, publisher }: IncomingForgery): Uint8Array {
  const what = forgeryText(envelope, publisher);
  return errorAnswer(ErrorCode.PERMISSION_DENIED, "publisher-differs", what);
}

export function errorAnswer(
  code: ErrorCode,
  reason: string,
  message: string,
  durability: Durability = Durability.UNSPECIFIED,
): Uint8Array {
  return stored(durability, { case: "error", errorCode: code, reason, message });
}

/** Terminal, and stored like any other result of a DURABLE command. */
export function deadLetteredAnswer({ type, durability }: MessageEntry): Uint8Array {
  return errorAnswer(
    ErrorCode.DEAD_LETTERED,
    "handler-failed",
    `the service failed on this ${type}; it was put aside for the operators`,
    durability,
  );
}

function encoded(
  schema: DescMessage | undefined,
  message: Message | undefined,
  what: string,
): Uint8Array {
  if (message === undefined) return noBytes;
  if (schema?.typeName !== message.$typeName) {
    throw new TypeError(
      `${what} is a ${message.$typeName}, not a ${schema?.typeName ?? "nothing"}`,
    );
  }
  return toBinary(schema, message);
}

function stored(durability: Durability, outcome: AnswerOutcome): Uint8Array {
  return encodeStoredAnswer({ hexVersion: 0, epoch: 0n, durability, outcome });
}
