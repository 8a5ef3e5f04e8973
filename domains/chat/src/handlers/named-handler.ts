/** A handler of chat, and the rows that its messages are about. */
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { DomainMessage, MessageHandler } from "@hexhold/domain";
import type { ChatWork } from "../work/chat-work.ts";
import type { NamedRows, NamesOf } from "../work/named-rows.ts";

export interface NamedHandler {
  readonly handler: MessageHandler<ChatWork>;
  /** Never throws: what a message says wrongly is for its handler to find. */
  readonly namesOf: NamesOf;
}

export function named<T extends Message>(
  schema: GenMessage<T>,
  namesOf: (message: DomainMessage<T>) => NamedRows,
  handlerOf: (schema: GenMessage<T>) => MessageHandler<ChatWork>,
): NamedHandler {
  return { handler: handlerOf(schema), namesOf: namesOf as NamesOf };
}

/** What any message names; nothing for one that is only read. */
export function namesByType(handlers: readonly NamedHandler[]): NamesOf {
  const byType = new Map(
    handlers.map(({ handler, namesOf }) => [handler.schema.typeName, namesOf] as const),
  );
  return (message) => byType.get(message.message.$typeName)?.(message) ?? {};
}
