/** One queue message on its way: what is answered of it so far, and how its commands are to be treated. */
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Durability, Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { answerBytes } from "@hexhold/messaging";
import type { OutboxPlaceName } from "@hexhold/postgres";
import { type Command, errorAnswer } from "../actor/command.ts";
import type { StoredResult } from "../journal/result-store.ts";
import type { WorkerMetrics } from "../worker-metrics.ts";
import type { RecentAnswers } from "./recent-answers.ts";

/** Attempts before a command is given up; contracts, "5 retries with exponential backoff". */
export const attemptsMax = 5;

/** Where a command lies in the outbox of the hex that sent it. */
export interface CommandOrigin {
  readonly life: bigint;
  readonly places: ReadonlyMap<Command, OutboxPlaceName>;
}

export interface RoundOptions {
  /** Of the producer's route table. */
  readonly routeVersion: bigint;
  /** Results may be stored already: look before deciding. */
  readonly lookFirst: boolean;
  readonly recent: RecentAnswers;
  readonly metrics: WorkerMetrics;
  /** Of the commands that a commit owed. */
  readonly origin?: CommandOrigin | undefined;
}

export class Round {
  readonly routeVersion: bigint;
  readonly origin: CommandOrigin | undefined;
  /** Life of the database in which the origin was proved last. */
  provedIn = 0n;
  lookFirst: boolean;
  readonly #recent: RecentAnswers;
  readonly #metrics: WorkerMetrics;
  /** Encoded answers; the last one of a command counts. */
  readonly #answers = new Map<Command, Uint8Array>();

  constructor(options: RoundOptions) {
    this.routeVersion = options.routeVersion;
    this.origin = options.origin;
    this.lookFirst = options.lookFirst;
    this.#recent = options.recent;
    this.#metrics = options.metrics;
  }

  /** Encoded answers in the order in which the commands were finished first. */
  get answers(): Uint8Array[] {
    return [...this.#answers.values()];
  }

  answer(command: Command, bytes: Uint8Array): void {
    this.#answers.set(command, bytes);
  }

  /** A durable command has this result from now on. */
  finished(command: Command, stored: Uint8Array): void {
    const { idempotencyKey, payloadHash } = command;
    this.#recent.set(idempotencyKey, { payloadHash, answer: stored });
  }

  /** Answers a repetition from what was stored. */
  replay(command: Command, known: StoredResult): void {
    if (!Buffer.from(command.payloadHash).equals(known.payloadHash)) {
      this.fail(
        command,
        ErrorCode.IDEMPOTENCY_MISMATCH,
        "payload-differs",
        "this request id was used with another payload: use a new one for a new command",
      );
      return;
    }
    this.#recent.set(command.idempotencyKey, known);
    this.answer(command, answerBytes(command.envelope, known.answer, true));
    this.#metrics.commands.inc("replayed");
  }

  /** Answers with an error that is not stored. */
  fail(command: Command, code: ErrorCode, reason: string, message: string): void {
    this.answer(command, answerBytes(command.envelope, errorAnswer(code, reason, message), false));
    this.#metrics.commands.inc(reason);
  }

  failStale(command: Command): void {
    this.fail(
      command,
      ErrorCode.STALE_COMMAND,
      "request-id-too-old",
      "whether it was executed is no longer known: make a new request id",
    );
  }

  failMoved(command: Command): void {
    // For a service only repetitions get here, and they wait for no answer.
    if (command.sender !== Sender.CLIENT && command.sender !== Sender.GATEWAY) return;
    this.fail(command, ErrorCode.UNAVAILABLE, "key-moved", "the hex is moving: repeat the command");
  }
}

/** Whether the command leaves a stored result. */
export function isDurable(command: Command): boolean {
  return command.entry.durability === Durability.DURABLE;
}
