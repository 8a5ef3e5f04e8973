/** What decisions are made of. */
import { create, type Message, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Key } from "@hexhold/hex";
import type { Applied, Refused } from "./contracts.ts";
import type { DecidedEvent, OutgoingCommand, Sample } from "./game.ts";

/** An event, made of its fields. */
export function event<S extends GenMessage<Message>>(
  schema: S,
  init: MessageInitShape<S>,
): DecidedEvent<MessageShape<S>> {
  return { schema, message: create(schema, init) };
}

/** A command to another hex. */
export function commandTo<S extends GenMessage<Message>>(
  key: Key,
  schema: S,
  init: MessageInitShape<S>,
): OutgoingCommand {
  return { to: { key }, schema, message: create(schema, init) };
}

/**
 * Yes: what has happened, what the command's contract names as its result (undefined when it names none), and what is
 * sent on.
 */
export function applied<E extends readonly DecidedEvent[]>(
  events: E,
): Applied<E[number]["message"], undefined>;
export function applied<E extends readonly DecidedEvent[], R extends Message | undefined>(
  events: E,
  result: R,
  messages?: readonly OutgoingCommand[],
): Applied<E[number]["message"], R>;
export function applied(
  events: readonly DecidedEvent[],
  result?: Message,
  messages: readonly OutgoingCommand[] = [],
): Applied<Message, Message | undefined> {
  return { kind: "applied", events, messages, result };
}

/** No: why, and after how many milliseconds asking again may help (0 = never). */
export function refused<const R extends string>(reason: R, retryAfterMs = 0): Refused<R, never> {
  return { kind: "refused", reason, retryAfterMs };
}

/** A command of a game's {@link Sample | samples}. */
export function sample<S extends GenMessage<Message>>(
  schema: S,
  init: MessageInitShape<S>,
): Sample {
  return { schema, message: create(schema, init) };
}
