/** A handler of chat, and the rows that its messages are about. */
import { namedFor, type NamedHandler as HandlerOf } from "@hexhold/domain";
import type { ChatWork } from "../work/chat-work.ts";
import type { NamedRows } from "../work/named-rows.ts";

export type NamedHandler = HandlerOf<ChatWork, NamedRows>;
export const named = namedFor<ChatWork, NamedRows>();
