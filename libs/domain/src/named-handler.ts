/** Handlers, and the rows that their messages are about: a service locks those of a whole transaction before it decides. */
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { DomainMessage, MessageHandler } from "./service-definition.ts";
import type { Work } from "./work.ts";

/** `N`: how a service names rows; each of its fields may be left out. */
export interface NamedHandler<W extends Work, N extends object> {
  readonly handler: MessageHandler<W>;
  /** Never throws: what a message says wrongly is for its handler to find, or to refuse. */
  readonly namesOf: (message: DomainMessage) => Partial<N>;
}

/** The function that pairs a handler with what its messages name, for the work and the rows of one service. */
export function namedFor<W extends Work, N extends object>() {
  return <T extends Message>(
    schema: GenMessage<T>,
    namesOf: (message: DomainMessage<T>) => Partial<N>,
    handlerOf: (schema: GenMessage<T>) => MessageHandler<W>,
  ): NamedHandler<W, N> => ({
    handler: handlerOf(schema),
    namesOf: namesOf as (message: DomainMessage) => Partial<N>,
  });
}

/** What any message names; nothing for one that is only read. */
export function namesByType<W extends Work, N extends object>(
  handlers: readonly NamedHandler<W, N>[],
): (message: DomainMessage) => Partial<N> {
  const byType = new Map(
    handlers.map(({ handler, namesOf }) => [handler.schema.typeName, namesOf] as const),
  );
  return (message) => byType.get(message.message.$typeName)?.(message) ?? {};
}
