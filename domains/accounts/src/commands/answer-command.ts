/** From a command's envelope to its outcome: who may send it, what handles it, what a failure becomes. */
import { setTimeout as sleep } from "node:timers/promises";
import { StoreOutageError, storePauseMs } from "@hexhold/domain";
import { file_hexhold_accounts_v1_commands } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { file_hexhold_accounts_v1_sessions } from "@hexhold/gen/hexhold/accounts/v1/sessions_pb";
import { type Envelope, ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  type AnswerOutcome,
  createMessageRegistry,
  type MessageEntry,
  uuidText,
  senderOf,
} from "@hexhold/messaging";
import { isStatementFailure, type OutboxPlaceName } from "@hexhold/postgres";
import { createBackoff } from "@hexhold/rpc";
import { isLoggedFailure, type Logger } from "@hexhold/telemetry";
import type { EventHandler } from "./arrivals.ts";
import { type CommandHandler, failure } from "./command.ts";

export interface AnswerCommandOptions {
  readonly handlers: readonly CommandHandler[];
  /** Events of workers that come over the same queue; nobody waits for an answer. */
  readonly events?: readonly EventHandler[];
  /** Whether a commit of this database has sent the event. Rejects with a StoreOutageError. Default: believed. */
  readonly isSent?: (origin: NonNullable<ArrivedMessage["origin"]>) => Promise<boolean>;
  /** Keeps an event that was given up. Resolves when the letter is safe; false: it is not yet. Without it there are no events. */
  readonly keepLetter?: KeepLetter;
  readonly worldNow: () => number;
  readonly logger: Logger;
  /** Aborted: nothing is tried again. */
  readonly stopping: AbortSignal;
}

/** What is kept of an event that was given up. */
export interface GivenUpEvent {
  readonly bytes: Uint8Array;
  readonly envelope: Envelope;
  readonly error: string;
  readonly attempts: number;
}

export type KeepLetter = (event: GivenUpEvent) => Promise<boolean>;

/** The process stops before a command could be handled: it is for another one, and must not be acked. */
export class CommandHeldError extends Error {
  readonly code = "COMMAND_HELD";
  constructor() {
    super("the process stops; the command is left for another");
    this.name = "CommandHeldError";
  }
}

export interface CommandOutcome {
  readonly entry: MessageEntry | undefined;
  readonly outcome: AnswerOutcome;
}

/**
 * Undefined: nobody waits for an answer: it is an event, or it was not executed in time. Rejects with a {@link CommandHeldError}.
 */
export type AnswerCommand = (message: ArrivedMessage) => Promise<CommandOutcome | undefined>;

export interface ArrivedMessage {
  readonly bytes: Uint8Array;
  readonly envelope: Envelope;
  /** Where a commit has left it in the world's outbox; undefined: no commit owed it. */
  readonly origin: (OutboxPlaceName & { readonly life: bigint }) | undefined;
}

const retryMs = { first: 200, max: 2000 };
const attemptsMax = 5;

export function createAnswerCommand(options: AnswerCommandOptions): AnswerCommand {
  const { worldNow, logger, stopping } = options;
  const registry = createMessageRegistry([
    file_hexhold_accounts_v1_commands,
    file_hexhold_accounts_v1_sessions,
  ]);
  const byType = new Map(
    options.handlers.map((handler) => [registry.bySchema(handler.schema).type, handler]),
  );

  /** Attempts in a row that met the outage; only one of the messages that wait counts them and tells. */
  let failures = 0;
  let teller: object | undefined;

  /**
   * Tries again, ever more rarely, while PostgreSQL is away and `mayWait`; undefined when it may not. Rejects with what else `work`
   * fails with, and with CommandHeldError when the process stops.
   */
  async function outlastOutage<Result>(
    work: () => Promise<Result>,
    named: { readonly type: string; readonly event_id: string },
    mayWait: () => boolean,
  ): Promise<Result | undefined> {
    const backoff = createBackoff(retryMs.first, retryMs.max);
    try {
      while (mayWait()) {
        try {
          const result = await work();
          failures = 0;
          return result;
        } catch (error) {
          if (!(error instanceof StoreOutageError)) throw error;
          teller ??= named;
          if (teller === named && isLoggedFailure(failures++)) {
            logger.warn({ err: withoutValues(error), ...named }, "a message waits for PostgreSQL");
          }
          if (stopping.aborted) throw new CommandHeldError();
          await backoff.wait(stopping);
        }
      }
      return undefined;
    } finally {
      if (teller === named) teller = undefined;
    }
  }

  async function run(
    handler: CommandHandler,
    envelope: Envelope,
  ): Promise<AnswerOutcome | undefined> {
    const { type, eventId, payload, deadlineMs } = envelope;
    const named = { type, event_id: uuidText(eventId) };
    const requestId = uuidText(envelope.requestId);
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await outlastOutage(
            () => handler.handle(payload, { requestId, nowMs: worldNow() }),
            named,
            () => deadlineMs === 0n || worldNow() <= Number(deadlineMs),
          );
        } catch (error) {
          if (!isStatementFailure(error) || attempt === attemptsMax) throw error;
          await rest(storePauseMs(attempt));
        }
      }
    } catch (error) {
      if (error instanceof CommandHeldError) throw error;
      logger.error({ err: withoutValues(error), ...named }, "a command could not be handled");
      return failure(ErrorCode.INTERNAL, "internal", "the command failed; the log says why");
    }
  }

  const eventByType = new Map(options.events?.map((handler) => [handler.type, handler]));

  /**
   * Handles an event, or keeps a letter of it after five attempts: it is settled either way. Rejects with
   * CommandHeldError when the process stops before.
   */
  async function take(handler: EventHandler, message: ArrivedMessage): Promise<void> {
    const { envelope: event, bytes, origin } = message;
    const named = { type: event.type, event_id: uuidText(event.eventId) };
    for (let attempt = 1; ; attempt++) {
      try {
        await outlastOutage(
          async () => {
            if (origin === undefined || (await options.isSent?.(origin)) !== false) {
              return handler.handle(event);
            }
            logger.warn(named, "an event of a moment that PostgreSQL has not seen was dropped");
          },
          named,
          () => true,
        );
        return;
      } catch (error) {
        if (error instanceof CommandHeldError) throw error;
        logger.warn({ err: withoutValues(error), ...named, attempt }, "an event was not handled");
        if (attempt < attemptsMax) {
          await rest(isStatementFailure(error) ? storePauseMs(attempt) : 2 ** (attempt - 1));
          continue;
        }
        const { name, message } = error as Error;
        const text = `${name}: ${message}`;
        const unkept = createBackoff(retryMs.first, retryMs.max);
        while (
          (await options.keepLetter?.({
            bytes,
            envelope: event,
            error: text,
            attempts: attempt,
          })) !== true
        ) {
          if (!(await unkept.wait(stopping))) throw new CommandHeldError();
        }
        logger.error(
          { err: withoutValues(error), ...named },
          "an event was given up; its letter is kept",
        );
        return;
      }
    }
  }

  /** Rejects with CommandHeldError when the process stops. */
  async function rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: stopping }).catch(() => undefined);
    if (stopping.aborted) throw new CommandHeldError();
  }

  return async (message) => {
    const { envelope } = message;
    const ofEvent = eventByType.get(envelope.type);
    if (ofEvent !== undefined && envelope.producer?.service === "worker") {
      await take(ofEvent, message);
      return undefined;
    }
    const entry = registry.byType(envelope.type);
    const handler = byType.get(envelope.type);
    if (entry === undefined || handler === undefined) {
      logger.error(
        { type: envelope.type.slice(0, 128) },
        "a command that nobody handles in this queue",
      );
      const outcome = failure(ErrorCode.INVALID_ARGUMENT, "unknown-type", "no such command here");
      return { entry: undefined, outcome };
    }
    if (envelope.accountId.length > 0 || !entry.senders.has(senderOf(envelope))) {
      const outcome = failure(
        ErrorCode.PERMISSION_DENIED,
        "sender-not-allowed",
        "not for this sender",
      );
      return { entry, outcome };
    }
    if (envelope.requestId.length !== 16 || envelope.eventId.length !== 16) {
      const outcome = failure(ErrorCode.INVALID_ARGUMENT, "invalid-id", "ids have 16 bytes");
      return { entry, outcome };
    }
    const outcome = await run(handler, envelope);
    return outcome === undefined ? undefined : { entry, outcome };
  };
}

/** A driver's error names rows in its details; type, message and stack are enough. */
function withoutValues(error: unknown): Error {
  const { name, message, stack } = error as Error;
  return Object.assign(new Error(message), { name, stack });
}
