import { fromBinary } from "@bufbuild/protobuf";
import { createSendToHex, type SendToHexOptions } from "@hexhold/domain";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  EndPresenceSchema,
  NotResidentDetailSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { Key } from "@hexhold/hex";
import { uuidBytes } from "@hexhold/messaging";
import type { PresenceAnswer } from "../rules/presence-rules.ts";
import type { DuePresence } from "../store/presence-rows.ts";

/** Sends `cmd.hex.end-presence` to the hex `key`, once. Never rejects. */
export type SendEndPresence = (
  presence: Pick<DuePresence, "accountId" | "sessionId" | "requestId">,
  key: Key,
) => Promise<PresenceAnswer>;

/** Errors that leave the request as it was: the same may be executed later. */
const unsettled = new Set<ErrorCode>([
  ErrorCode.UNAVAILABLE,
  ErrorCode.RESOURCE_EXHAUSTED,
  ErrorCode.UNKNOWN_OUTCOME,
]);

export function createSendEndPresence(options: SendToHexOptions): SendEndPresence {
  const send = createSendToHex(options);
  return async ({ accountId, sessionId, requestId }, key) => {
    const answer = await send(
      EndPresenceSchema,
      { playerId: uuidBytes(accountId), sessionId: uuidBytes(sessionId) },
      { key, requestId },
    );
    switch (answer?.case) {
      case "applied":
        return { case: "applied" };
      case "refused":
        return {
          case: "refused",
          reason: answer.value.reason,
          wentTo: placeIn(answer.value.detail),
        };
      case "error": {
        const { errorCode, reason } = answer.value;
        return unsettled.has(errorCode) ? { case: "unsure" } : { case: "failed", reason };
      }
      default:
        return { case: "unsure" };
    }
  };
}

function placeIn(detail: Uint8Array): Key | undefined {
  const { wentToHexId, wentToLayerId } = fromBinary(NotResidentDetailSchema, detail);
  return wentToHexId === 0n ? undefined : { hexId: wentToHexId, layerId: wentToLayerId };
}
