/** The commands of one session: from their frames to their answers. */
import type { Command } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { type EdgeError, limited } from "../admission/check-command.ts";
import type { AccountBudget } from "../admission/account-budgets.ts";
import type { Edge } from "../edge.ts";
import { answerFrame } from "../frame/server-frame.ts";
import type { Session } from "./connection.ts";
import { edgeAnswer } from "./edge-answer.ts";

export class SessionCommands {
  readonly #edge: Pick<Edge, "dispatch" | "config" | "metrics">;
  readonly #send: (frame: Uint8Array) => void;
  #inFlight = 0;

  constructor(
    edge: Pick<Edge, "dispatch" | "config" | "metrics">,
    send: (frame: Uint8Array) => void,
  ) {
    this.#edge = edge;
    this.#send = send;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** False: the account has spent its budget, and the command was answered so. */
  take(command: Command, session: Session, budget: AccountBudget): boolean {
    const waitMs = budget.takeCommand(performance.now());
    const error =
      waitMs > 0
        ? limited("rate-limited", "too many commands a second of this account", waitMs)
        : this.#inFlight >= this.#edge.config.commandsInFlightMax
          ? limited("too-many-in-flight", "wait for answers before sending more", 100)
          : this.#dispatch(command, session);
    if (error !== undefined) this.#fail(command, error);
    return waitMs === 0;
  }

  #dispatch(command: Command, session: Session): EdgeError | undefined {
    let counted = true;
    // Once, whatever comes after UNKNOWN_OUTCOME.
    const over = (): void => {
      if (counted) this.#inFlight--;
      counted = false;
    };
    const error = this.#edge.dispatch(command, session, {
      answered: (bytes) => {
        over();
        this.#send(answerFrame(bytes));
      },
      failed: (failure) => {
        over();
        this.#fail(command, failure);
      },
    });
    if (error === undefined) this.#inFlight++;
    return error;
  }

  #fail(command: Command, error: EdgeError): void {
    this.#edge.metrics.answers.inc(error.reason);
    this.#send(answerFrame(edgeAnswer(command, error)));
  }
}
