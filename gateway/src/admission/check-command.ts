/** What a gateway checks of a command before it is dispatched. Pure but for the clock it is handed. */
import type { Validator } from "@bufbuild/protovalidate";
import { type DescField, fromBinary, type Message } from "@bufbuild/protobuf";
import type { Command } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Durability, Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { boundsTest, cellFault, type Key } from "@hexhold/hex";
import {
  compiledValidator,
  isUuidv7,
  keyOfWire,
  type MessageEntry,
  type MessageRegistry,
  ruleFault,
  uuidv7Ms,
} from "@hexhold/messaging";
import type { CommandTarget } from "../dispatch/command-target.ts";

/** A refusal of the edge: never executed. */
export interface EdgeError {
  readonly code: ErrorCode;
  readonly reason: string;
  /** What was wrong, where, and what to do. */
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** A limit of the edge was reached. */
export function limited(reason: string, message: string, retryAfterMs: number): EdgeError {
  return { code: ErrorCode.RESOURCE_EXHAUSTED, reason, message, retryAfterMs };
}

export interface CheckedCommand {
  readonly entry: MessageEntry;
  readonly target: CommandTarget;
}

export interface CommandRules {
  readonly registry: MessageRegistry;
  readonly bounds: readonly string[];
  readonly layers: readonly number[];
  /** Request ids older than this are stale. */
  readonly staleAfterMs: number;
}

/** Commands of this service are for a hex; those of all others are about a subject. */
const hexService = "hex";
/** `hexhold.edge.v1.Command.payload` has the same rule. */
const payloadBytesMax = 8192;
/** `hexhold.envelope.v1.Envelope.subject` has the same rule. */
const subjectBytesMax = 128;
/** Messages of clients nest no deeper: one that does costs stack, and no message of a game needs it. */
export const nestingMax = 16;
/** Request ids further ahead of world time are refused. */
const aheadMsMax = 60_000;

/** @param subject of a command to a domain service that names none: the account of the session, as text. */
export type CommandCheck = (
  command: Command,
  nowMs: number,
  subject: string,
) => CheckedCommand | EdgeError;

export function createCommandCheck(rules: CommandRules): CommandCheck {
  const validator = compiledValidator(
    rules.registry.entries
      .filter(({ kind, senders }) => kind === "command" && senders.has(Sender.CLIENT))
      .map(({ schema }) => schema),
  );
  const checkKey = createKeyCheck(rules);
  return (command, nowMs, subject) => {
    const entry = rules.registry.byType(command.type);
    if (entry === undefined || entry.kind !== "command") {
      return invalid("unknown-type", `no command is called ${JSON.stringify(command.type)}`);
    }
    if (!entry.senders.has(Sender.CLIENT)) {
      return {
        code: ErrorCode.PERMISSION_DENIED,
        reason: "not-for-clients",
        message: `${command.type} is sent by services only`,
      };
    }
    if (command.version < entry.minVersion || command.version > entry.messageVersion) {
      return invalid(
        "unknown-version",
        `${command.type}: version ${command.version}; this gateway takes ${entry.minVersion} to ${entry.messageVersion}`,
      );
    }
    const target = targetOf(entry, command, subject);
    if ("code" in target) return target;
    const id = checkRequestId(command.requestId, nowMs, rules.staleAfterMs);
    if (id !== undefined) return id;
    if (entry.durability === Durability.VOLATILE && command.volatileSeq === 0n) {
      return invalid(
        "volatile-seq-missing",
        `${command.type} needs volatile_seq, counted up from 1 in a session`,
      );
    }
    const payload = readPayload(validator, entry, command.payload);
    if ("code" in payload) return payload;
    if (entry.subjectField === undefined || "key" in target) return { entry, target };
    const named = subjectOf(entry, payload.message, entry.subjectField);
    return typeof named === "string"
      ? { entry, target: { service: entry.service, subject: named } }
      : named;
  };

  function targetOf(
    { service }: MessageEntry,
    { key: sent, type }: Command,
    subject: string,
  ): CommandTarget | EdgeError {
    if (service !== hexService) {
      return sent === undefined
        ? { service, subject }
        : invalid("key-not-taken", `${type} is for no hex: send it without a key`);
    }
    const key = checkKey(sent === undefined ? undefined : keyOfWire(sent));
    return "code" in key ? key : { key };
  }
}

/** Checks the key of a command or subscription. */
export function createKeyCheck(
  rules: Pick<CommandRules, "bounds" | "layers">,
): (key: Key | undefined) => Key | EdgeError {
  const isInside = boundsTest(rules.bounds);
  const layers = new Set(rules.layers);
  return (key) => {
    if (key === undefined) return invalid("key-missing", "a command names the hex it is for");
    const fault = cellFault(key.hexId);
    if (fault === "not-a-cell")
      return invalid(fault, `hex_id ${key.hexId.toString(16)} is no H3 cell`);
    if (fault !== undefined) {
      return invalid(fault, `hex_id ${key.hexId.toString(16)} is not of resolution 6`);
    }
    if (!isInside(key.hexId)) {
      return {
        code: ErrorCode.NOT_FOUND,
        reason: "out-of-bounds",
        message: `hex ${key.hexId.toString(16)} is outside this world`,
      };
    }
    if (!layers.has(key.layerId)) {
      return {
        code: ErrorCode.NOT_FOUND,
        reason: "unknown-layer",
        message: `this world has no layer ${key.layerId}`,
      };
    }
    return key;
  };
}

function checkRequestId(
  id: Uint8Array,
  nowMs: number,
  staleAfterMs: number,
): EdgeError | undefined {
  if (!isUuidv7(id)) return invalid("invalid-request-id", "request_id must be a UUIDv7");
  const ageMs = nowMs - uuidv7Ms(id);
  if (ageMs < -aheadMsMax) {
    return invalid(
      "request-id-in-future",
      "request_id is more than 60 s ahead: make it on the server's time, which `welcome` gives",
    );
  }
  if (ageMs > staleAfterMs) {
    return {
      code: ErrorCode.STALE_COMMAND,
      reason: "request-id-too-old",
      message: "whether it was executed is no longer known: make a new request id",
    };
  }
  return undefined;
}

function readPayload(
  validator: Validator,
  entry: MessageEntry,
  payload: Uint8Array,
): { readonly message: Message } | EdgeError {
  if (payload.length > payloadBytesMax) {
    return invalid(
      "invalid-payload",
      `${entry.type}: the payload has ${payload.length} bytes, at most ${payloadBytesMax} are taken`,
    );
  }
  let message;
  try {
    message = fromBinary(entry.schema, payload, { recursionLimit: nestingMax });
  } catch (error) {
    return invalid(
      "invalid-payload",
      `${entry.type}: the payload is no ${entry.schema.typeName}: ${(error as Error).message}`,
    );
  }
  const fault = ruleFault(validator.validate(entry.schema, message));
  return fault === undefined ? { message } : invalid("invalid-payload", `${entry.type}: ${fault}`);
}

/** What the command is about, as the payload has it. */
function subjectOf({ type }: MessageEntry, message: Message, field: DescField): string | EdgeError {
  const subject = (message as Message & Readonly<Record<string, unknown>>)[field.localName];
  if (typeof subject !== "string" || subject === "") {
    return invalid(
      "invalid-payload",
      `${type}: ${field.name} says what it is about: it is missing`,
    );
  }
  const bytes = Buffer.byteLength(subject);
  return bytes <= subjectBytesMax
    ? subject
    : invalid(
        "invalid-payload",
        `${type}: ${field.name} has ${bytes} bytes, at most ${subjectBytesMax} are taken`,
      );
}

function invalid(reason: string, message: string): EdgeError {
  return { code: ErrorCode.INVALID_ARGUMENT, reason, message };
}
