/** Every answer a command can get, and how it is read off the wire. */
import { type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import { type Answer, ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import type { DetailOf, ResultOf } from "./command-types.ts";
import type { CommandContract } from "./contract-of.ts";

/** Names of the enum `hexhold.envelope.v1.ErrorCode`. */
export type ErrorCodeName = keyof typeof ErrorCode;
/** What the answer promises: see `hexhold.options.v1.Durability`. */
export type DurabilityName = keyof typeof Durability;

/** The rules said yes. */
export interface Applied<R> {
  readonly outcome: "applied";
  readonly result: R;
  /** Version of the hex after the command. */
  readonly hexVersion: number;
  /** The stored answer of an earlier send with the same request id. */
  readonly replayed: boolean;
  readonly durability: DurabilityName;
}

/** The rules said no: final, never repeated by the SDK. */
export interface Refused<D> {
  readonly outcome: "refused";
  /** From the closed list of the command. */
  readonly reason: string;
  /** 0 = asking again makes no sense. */
  readonly retryAfterMs: number;
  readonly detail: D;
  readonly hexVersion: number;
  readonly replayed: boolean;
}

/**
 * Nobody decided it. `UNKNOWN_OUTCOME`: it may have been executed (send it again with the same request id);
 * every other code: it was not.
 */
export interface Failed {
  readonly outcome: "error";
  readonly errorCode: ErrorCodeName;
  readonly reason: string;
  readonly retryAfterMs: number;
  /** For people. */
  readonly message: string;
}

export type Outcome<R, D> = Applied<R> | Refused<D> | Failed;
export type OutcomeOf<T extends Message> = Outcome<ResultOf<T>, DetailOf<T>>;
export type AnyOutcome = Outcome<Message | undefined, Message | undefined>;
/** A view is not read here: its bytes are the result. */
export type ReadOutcome = Outcome<Message | Uint8Array | undefined, Message | undefined>;

/** Reads an answer. Throws when its bytes are not what the contract names. */
export function outcomeOf(answer: Answer, contract: CommandContract): ReadOutcome {
  const { outcome } = answer;
  switch (outcome.case) {
    case "applied":
      return {
        outcome: "applied",
        result: contract.resultIsView
          ? outcome.value.result
          : read(contract.resultSchema, outcome.value.result),
        hexVersion: Number(answer.hexVersion),
        replayed: answer.replayed,
        durability: nameOf(Durability, answer.durability),
      };
    case "refused":
      return {
        outcome: "refused",
        reason: outcome.value.reason,
        retryAfterMs: outcome.value.retryAfterMs,
        detail:
          outcome.value.detail.length === 0
            ? undefined
            : read(contract.refusalDetailSchema, outcome.value.detail),
        hexVersion: Number(answer.hexVersion),
        replayed: answer.replayed,
      };
    case "error":
      return {
        outcome: "error",
        errorCode: nameOf(ErrorCode, outcome.value.errorCode),
        reason: outcome.value.reason,
        retryAfterMs: outcome.value.retryAfterMs,
        message: outcome.value.message,
      };
    default:
      return failed("INTERNAL", "empty-answer", "the server's answer says nothing");
  }
}

/** An error of the SDK's own making. */
export function failed(
  errorCode: ErrorCodeName,
  reason: string,
  message: string,
  retryAfterMs = 0,
): Failed {
  return { outcome: "error", errorCode, reason, message, retryAfterMs };
}

/** Whether the same command, with the same id, may do better in a while. */
export function isRetryable({ errorCode }: Failed): boolean {
  return (
    errorCode === "UNAVAILABLE" ||
    errorCode === "RESOURCE_EXHAUSTED" ||
    errorCode === "UNKNOWN_OUTCOME"
  );
}

function read(schema: DescMessage | undefined, bytes: Uint8Array): Message | undefined {
  return schema === undefined ? undefined : fromBinary(schema, bytes);
}

/** Name of an enum's value; `UNSPECIFIED` for one that this SDK does not know. */
export function nameOf<E extends Readonly<Record<string, number>>>(
  values: E,
  value: number,
): keyof E {
  return Object.keys(values).find((name) => values[name] === value) ?? "UNSPECIFIED";
}
