import type { ChatMessage } from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import type { ChatLine } from "./chat-outlet.ts";

/** A line of a channel, as it was heard or read. */
export function lineOf(
  channel: string,
  message: Pick<ChatMessage, "seq" | "accountId" | "name" | "text" | "atMs"> & {
    readonly removed?: boolean;
  },
): ChatLine {
  const { seq, accountId, name, text, atMs, removed: isRemoved = false } = message;
  return { kind: "said", channel, seq, accountId, name, text, atMs: Number(atMs), isRemoved };
}
