import type { Command } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { answerBytes, encodeStoredAnswer, noBytes } from "@hexhold/messaging";
import type { EdgeError } from "../admission/check-command.ts";

/** The answer of the edge itself: the command was not executed, or nobody knows. */
export function edgeAnswer(command: Command, error: EdgeError): Uint8Array {
  const stored = encodeStoredAnswer({
    hexVersion: 0,
    epoch: 0n,
    durability: Durability.UNSPECIFIED,
    outcome: {
      case: "error",
      errorCode: error.code,
      reason: error.reason,
      message: error.message,
      retryAfterMs: error.retryAfterMs ?? 0,
    },
  });
  const { requestId, key } = command;
  return answerBytes({ eventId: noBytes, requestId, key }, stored, false);
}
