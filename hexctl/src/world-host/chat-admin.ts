/** What moderators ask of chat. */
import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  ListReportsSchema,
  MuteSchema,
  RemoveMessageSchema,
  type Reports,
  ReportsSchema,
} from "@hexhold/gen/hexhold/chat/v1/moderation_pb";
import type {
  ListReportsRequest,
  MuteAccountRequest,
  RemoveMessageRequest,
} from "@hexhold/gen/hexhold/control/v1/host_pb";
import { uuidBytes } from "@hexhold/messaging";
import type { OperatorCalls } from "./operator-calls.ts";

/** Rejects with a ConnectError that says what was wrong. */
export interface ChatAdmin {
  listReports(request: ListReportsRequest): Promise<Reports>;
  /** Resolves with the mute's end, Unix milliseconds; 0 = it is muted no longer. */
  mute(request: MuteAccountRequest): Promise<bigint>;
  remove(request: RemoveMessageRequest): Promise<void>;
}

export function createChatAdmin({ call }: Pick<OperatorCalls, "call">): ChatAdmin {
  /** A refusal in words. */
  async function orSay<T>(
    called: Promise<T>,
    refusals: Readonly<Record<string, string>>,
  ): Promise<T> {
    try {
      return await called;
    } catch (error) {
      const said = error instanceof ConnectError ? refusals[error.rawMessage] : undefined;
      throw said === undefined ? error : new ConnectError(said, Code.NotFound);
    }
  }
  return {
    async listReports({ all, limit, before }) {
      return fromBinary(
        ReportsSchema,
        await call(ListReportsSchema, { all, limit, before }, "reports"),
      );
    },
    async mute({ accountId, forMs, reason }) {
      const untilMs = forMs === 0n ? 0n : BigInt(Date.now()) + forMs;
      const mute = { accountId: uuidBytes(accountId), untilMs, reason, off: forMs === 0n };
      await orSay(call(MuteSchema, mute, accountId), {
        "unknown-account": `chat has not heard of account ${accountId}`,
      });
      return untilMs;
    },
    async remove({ channel, seq, reason }) {
      await orSay(call(RemoveMessageSchema, { channel, seq, reason }, channel), {
        "unknown-message": `there is no such message: ${channel} ${seq}; what is older than its channel keeps is gone`,
      });
    },
  };
}
