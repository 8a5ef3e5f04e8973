/** What all commands of this service have in common. */
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  type CommandOutcome,
  type HandleCommands,
  type MessageHandler,
  onCommand,
} from "@hexhold/domain";
import { uuidText } from "@hexhold/messaging";
import type { AccountsMetrics } from "../accounts-metrics.ts";
import { storeIn, type Store } from "../store/database.ts";

export interface CommandContext {
  /** UUID text: the same for every repetition. */
  readonly requestId: string;
  /** World time. */
  readonly nowMs: number;
  /** Runs in the command's transaction; what carries secrets has none, and opens its own. */
  readonly store: Store;
  /** Runs `effect` when what the command has done is committed. It never throws. */
  readonly onCommit: (effect: () => void) => void;
}

/** Makes handlers of one process. @param worldNow Unix milliseconds. */
export type CommandHandlerOf = <T extends Message>(
  schema: GenMessage<T>,
  handle: (command: T, context: CommandContext) => Promise<CommandOutcome>,
) => MessageHandler;

export function commandHandlersOf(worldNow: () => number): CommandHandlerOf {
  return (schema, handle) =>
    onCommand(schema, (transaction, { message, envelope }) =>
      handle(message, {
        requestId: uuidText(envelope.requestId),
        nowMs: worldNow(),
        store: storeIn(transaction, worldNow),
        onCommit: (effect) => transaction.onCommit(effect),
      }),
    );
}

/** Counts what the commands of a handler come to, once that is committed. */
export function counted(
  handler: MessageHandler,
  { commands: counter }: Pick<AccountsMetrics, "commands">,
): MessageHandler {
  if (handler.kind === "event") return handler;
  const handle: HandleCommands = async (transaction, commands, work) => {
    const outcomes = await handler.handle(transaction, commands, work);
    transaction.onCommit(() => {
      for (const [at, outcome] of outcomes.entries()) {
        const word = outcome.kind === "applied" ? "applied" : outcome.reason;
        counter.inc({ type: commands[at]!.envelope.type, outcome: word });
      }
    });
    return outcomes;
  };
  return { ...handler, handle };
}

/** Applied, without a result. */
export const done: CommandOutcome = { kind: "applied" };

export function applied(result: Message): CommandOutcome {
  return { kind: "applied", result };
}

export function refused(reason: string, detail?: Message): CommandOutcome {
  return { kind: "refused", reason, ...(detail === undefined ? {} : { detail }) };
}
