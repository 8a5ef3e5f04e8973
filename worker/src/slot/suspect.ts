/**
 * Commands that a worker had in hand when it died. Most deaths are the fault of none: the first attempt after one is
 * made with all together. When a worker dies again, each is tried alone, so that the culprit alone is charged
 * (ADR 14). Attempts are noted in PostgreSQL before they are made and taken back after. One at which the driver itself
 * fails is not taken back: it costs the slot its owner like a death.
 */
import type { Command } from "../actor/command.ts";
import { FencedError, ReleasingError } from "./ownership.ts";
import { attemptsMax, type Round } from "./round.ts";
import { OutcomeUnknownError, type SlotStore } from "./slot-store.ts";

/** What the driver does with commands of any kind. */
export interface CommandSteps {
  /** Finishes them. */
  process(commands: readonly Command[], round: Round): Promise<void>;
  /** Answers what needs no decision; returns the others. */
  gate(commands: readonly Command[], round: Round): Promise<Command[]>;
  /** After a missing answer of the store. */
  recover(commands: readonly Command[], round: Round): Promise<void>;
  /** Dead-letters it. */
  giveUp(command: Command, error: string, attempts: number, round: Round): Promise<void>;
}

export class Suspects {
  readonly #slot: string;
  readonly #store: Pick<SlotStore, "run" | "epoch">;
  readonly #steps: CommandSteps;

  constructor(slot: string, store: Pick<SlotStore, "run" | "epoch">, steps: CommandSteps) {
    this.#slot = slot;
    this.#store = store;
    this.#steps = steps;
  }

  /** Finishes `commands`. Throws {@link FencedError} when the slot is lost. */
  async process(commands: readonly Command[], round: Round): Promise<void> {
    if (commands.length === 0) return;
    const isFirst = (await this.#note(commands, round)) === 1;
    if (isFirst) await this.#steps.process(commands, round);
    await this.#takeBack(commands);
    if (isFirst) return;
    for (const command of commands) await this.#processAlone(command, round);
  }

  async #processAlone(command: Command, round: Round): Promise<void> {
    const open = await this.#untilAnswered([command], round, () =>
      this.#steps.gate([command], round),
    );
    if (open.length === 0) return;
    const attempts = await this.#note(open, round);
    if (attempts <= attemptsMax) await this.#steps.process(open, round);
    else await this.#steps.giveUp(command, "its worker died at each attempt", attemptsMax, round);
    await this.#takeBack(open);
  }

  /** Adds an attempt to each of `commands`; returns the most that one of them has now. */
  #note(commands: readonly Command[], round: Round): Promise<number> {
    return this.#untilAnswered(commands, round, () => this.#add(1, commands));
  }

  /**
   * Takes an attempt of each of `commands` back. A store that does not answer, or a slot that is lost, leaves it: it
   * is one of five, and old ones are removed.
   */
  async #takeBack(commands: readonly Command[]): Promise<void> {
    try {
      await this.#add(-1, commands);
    } catch (error) {
      const isOver = error instanceof FencedError || error instanceof ReleasingError;
      if (!isOver && !(error instanceof OutcomeUnknownError)) throw error;
    }
  }

  async #add(delta: number, commands: readonly Command[]): Promise<number> {
    const { rows } = await this.#store.run((client) =>
      client.query<{ attempts: number }>("SELECT world.note_attempts($1, $2, $3, $4) AS attempts", [
        this.#slot,
        this.#store.epoch,
        commands.map((command) => command.idempotencyKey),
        delta,
      ]),
    );
    return rows[0]?.attempts ?? 0;
  }

  /** Asks the store until it answers. */
  async #untilAnswered<T>(
    commands: readonly Command[],
    round: Round,
    ask: () => Promise<T>,
  ): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof OutcomeUnknownError)) throw error;
        await this.#steps.recover(commands, round);
      }
    }
  }
}
