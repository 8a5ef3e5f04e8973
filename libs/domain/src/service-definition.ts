/** What a domain service does with its messages. `W`: what it keeps in memory beside a transaction. */
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import type { Transaction } from "./transaction.ts";
import type { Work } from "./work.ts";

/** A message of a domain, decoded and within the rules of its fields. */
export interface DomainMessage<T extends Message = Message> {
  readonly message: T;
  readonly envelope: Envelope;
}

/**
 * Handles events of one type that follow one another, in their order; none of them was handled before. Its effects
 * go into `transaction` and `work` and nowhere else: it may be run again, with fewer or other events. What it throws
 * costs an attempt.
 */
export type HandleEvents<T extends Message = Message, W extends Work = Work> = (
  transaction: Transaction,
  events: readonly DomainMessage<T>[],
  work: W,
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

/** Handles one command. As with events: effects go into `transaction` and `work`; a refusal is a value, never thrown. */
export type HandleCommand<T extends Message = Message, W extends Work = Work> = (
  transaction: Transaction,
  command: DomainCommand<T>,
  work: W,
) => Promise<CommandOutcome>;

/** Handles commands of one type that follow one another, no two of them the same; one outcome for each, by position. */
export type HandleCommands<T extends Message = Message, W extends Work = Work> = (
  transaction: Transaction,
  commands: readonly DomainCommand<T>[],
  work: W,
) => Promise<readonly CommandOutcome[]>;

export type MessageHandler<W extends Work = Work> =
  | {
      readonly kind: "event";
      readonly schema: GenMessage<Message>;
      readonly handle: HandleEvents<Message, W>;
    }
  | {
      readonly kind: "command";
      readonly schema: GenMessage<Message>;
      readonly handle: HandleCommands<Message, W>;
      readonly refuse?: RefuseStep<Message, W>;
    };

/**
 * Stores and sends the refusal of an asked step that was given up: no refusal without a record, and who asked learns of
 * it. In the transaction of the letter.
 */
export type RefuseStep<T extends Message = Message, W extends Work = Work> = (
  transaction: Transaction,
  command: DomainCommand<T>,
  work: W,
) => Promise<void>;

export function onEvents<T extends Message, W extends Work = Work>(
  schema: GenMessage<T>,
  handle: HandleEvents<T, W>,
): MessageHandler<W> {
  return { kind: "event", schema, handle: handle as HandleEvents<Message, W> };
}

/** One command at a time, in their order. */
export function onCommand<T extends Message, W extends Work = Work>(
  schema: GenMessage<T>,
  handle: HandleCommand<T, W>,
): MessageHandler<W> {
  return onCommands<T, W>(schema, async (transaction, commands, work) => {
    const outcomes: CommandOutcome[] = [];
    for (const command of commands) outcomes.push(await handle(transaction, command, work));
    return outcomes;
  });
}

export function onCommands<T extends Message, W extends Work = Work>(
  schema: GenMessage<T>,
  handle: HandleCommands<T, W>,
): MessageHandler<W> & { readonly kind: "command" } {
  return { kind: "command", schema, handle: handle as HandleCommands<Message, W> };
}

/** A step that may be refused: its contract says `STEP_ASKED`. */
export function onAsked<T extends Message, W extends Work = Work>(
  schema: GenMessage<T>,
  { handle, refuse }: { readonly handle: HandleCommands<T, W>; readonly refuse: RefuseStep<T, W> },
): MessageHandler<W> {
  return { ...onCommands(schema, handle), refuse: refuse as RefuseStep<Message, W> };
}
