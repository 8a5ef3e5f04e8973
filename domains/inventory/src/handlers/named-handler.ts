/** A handler of the inventory, and what it will look at. */
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { DomainMessage, MessageHandler } from "@hexhold/domain";
import type { LedgerWork } from "../ledger/ledger-work.ts";
import type { NamedRows } from "../ledger/named-rows.ts";

export interface NamedHandler {
  readonly handler: MessageHandler<LedgerWork>;
  /**
   * The rows that a message is about, locked before it is handled. Throws for nothing that a step may say wrongly: its
   * handler refuses it then.
   */
  readonly namesOf: (message: DomainMessage) => NamedRows;
}

export function named<T extends Message>(
  schema: GenMessage<T>,
  namesOf: (message: DomainMessage<T>) => NamedRows,
  handlerOf: (schema: GenMessage<T>) => MessageHandler<LedgerWork>,
): NamedHandler {
  return { handler: handlerOf(schema), namesOf: namesOf as (message: DomainMessage) => NamedRows };
}

/** What any message names; nothing for one that is only read. */
export function namesByType(
  handlers: readonly NamedHandler[],
): (message: DomainMessage) => NamedRows {
  const byType = new Map(
    handlers.map(({ handler, namesOf }) => [handler.schema.typeName, namesOf] as const),
  );
  return (message) => byType.get(message.message.$typeName)?.(message) ?? {};
}
