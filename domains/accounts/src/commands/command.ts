import { fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { toBinary, type Message } from "@bufbuild/protobuf";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { type AnswerOutcome, compiledValidator, noBytes } from "@hexhold/messaging";

export interface CommandContext {
  /** UUID text: the same for every repetition. */
  readonly requestId: string;
  /** World time. */
  readonly nowMs: number;
}

/** Handles one type of command. Rejects with a StoreOutageError when it is to be tried again. */
export interface CommandHandler {
  readonly schema: GenMessage<Message>;
  handle(payload: Uint8Array, context: CommandContext): Promise<AnswerOutcome>;
}

/** A handler that gets a command which keeps the rules of its fields; any other is INVALID_ARGUMENT. */
export function commandHandler<T extends Message>(
  schema: GenMessage<T>,
  handle: (command: MessageShape<GenMessage<T>>, context: CommandContext) => Promise<AnswerOutcome>,
): CommandHandler {
  const validator = compiledValidator([schema]);
  return {
    schema,
    async handle(payload, context) {
      let command: MessageShape<GenMessage<T>>;
      try {
        command = fromBinary(schema, payload);
      } catch {
        return failure(ErrorCode.INVALID_ARGUMENT, "invalid-payload", "not the type's message");
      }
      const checked = validator.validate(schema, command);
      if (checked.kind !== "valid") {
        // Paths and rules, never values: they may be secrets.
        const what =
          checked.kind === "invalid" ? checked.violations.map(String).join("; ") : "not valid";
        return failure(ErrorCode.INVALID_ARGUMENT, "invalid-payload", what);
      }
      return handle(command, context);
    },
  };
}

export function applied<T extends Message>(schema: GenMessage<T>, result: T): AnswerOutcome {
  return { case: "applied", result: toBinary(schema, result) };
}

/** Applied, without a result. */
export const done: AnswerOutcome = { case: "applied", result: noBytes };

export function refused(reason: string, detail: Uint8Array = noBytes): AnswerOutcome {
  return { case: "refused", reason, retryAfterMs: 0, detail };
}

export function failure(errorCode: ErrorCode, reason: string, message: string): AnswerOutcome {
  return { case: "error", errorCode, reason, message };
}
