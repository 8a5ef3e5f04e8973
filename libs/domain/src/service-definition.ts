/** What a domain service does with its messages. */
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import type { Transaction } from "./transaction.ts";

/** A message of a domain, decoded and within the rules of its fields. */
export interface DomainMessage<T extends Message = Message> {
  readonly message: T;
  readonly envelope: Envelope;
}

/**
 * Handles events of one type that follow one another, in their order; none of them was handled before. Its effects
 * go into `transaction` and nowhere else: it may be run again, with fewer or other events. What it throws costs an
 * attempt.
 */
export type HandleEvents<T extends Message = Message> = (
  transaction: Transaction,
  events: readonly DomainMessage<T>[],
) => Promise<void>;

export interface DomainCommand<T extends Message = Message> extends DomainMessage<T> {
  readonly sender: Sender;
}

/** What a command comes back with; `reason` is one of its option `refusals`. */
export type CommandOutcome =
  | { readonly kind: "applied"; readonly result?: Message }
  | {
      readonly kind: "refused";
      readonly reason: string;
      /** 0 or absent = repeating it makes no sense. */
      readonly retryAfterMs?: number;
      readonly detail?: Message;
    };

/** Handles one command. As with events: effects go into `transaction` only; a refusal is a value, never thrown. */
export type HandleCommand<T extends Message = Message> = (
  transaction: Transaction,
  command: DomainCommand<T>,
) => Promise<CommandOutcome>;

export type MessageHandler =
  | { readonly kind: "event"; readonly schema: GenMessage<Message>; readonly handle: HandleEvents }
  | {
      readonly kind: "command";
      readonly schema: GenMessage<Message>;
      readonly handle: HandleCommand;
    };

export function onEvents<T extends Message>(
  schema: GenMessage<T>,
  handle: HandleEvents<T>,
): MessageHandler {
  return { kind: "event", schema, handle: handle as HandleEvents };
}

export function onCommand<T extends Message>(
  schema: GenMessage<T>,
  handle: HandleCommand<T>,
): MessageHandler {
  return { kind: "command", schema, handle: handle as HandleCommand };
}
