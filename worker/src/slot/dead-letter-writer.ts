/** Commits dead letters, however long the store makes it wait: nothing that the broker gave us is lost. */
import { setTimeout as pause } from "node:timers/promises";
import { sqlStateOf } from "@hexhold/postgres";
import type { Command } from "../actor/command.ts";
import { commitBatch, type CommitPart, type CommitRows } from "../journal/commit-batch.ts";
import type { OutboxRelay } from "../outbox/relay.ts";
import { commandBindings } from "./command-bindings.ts";
import { type DeadLetterContext, deadLetterPlan, letterOnlyRows } from "./dead-letter.ts";
import { isDurable, type Round } from "./round.ts";
import type { SlotPorts } from "./slot-ports.ts";
import { OutcomeUnknownError, type SlotStore } from "./slot-store.ts";

/** The driver's exits, which a commit of a letter needs as any other. */
export interface CommitExits {
  /** After a missing answer of the store. */
  recover(commands: readonly Command[], round: Round): Promise<void>;
  /** After a fault of `commit_batch`; returns what is still to be decided. */
  afterFault(
    state: string,
    error: unknown,
    commands: readonly Command[],
    round: Round,
  ): Promise<Command[]>;
}

const refusedRetryMs = 100;

export class DeadLetterWriter {
  readonly #slot: string;
  readonly #store: SlotStore;
  readonly #relay: OutboxRelay;
  readonly #ports: SlotPorts;
  readonly #exits: CommitExits;

  constructor(
    slot: string,
    store: SlotStore,
    relay: OutboxRelay,
    ports: SlotPorts,
    exits: CommitExits,
  ) {
    this.#slot = slot;
    this.#store = store;
    this.#relay = relay;
    this.#ports = ports;
    this.#exits = exits;
  }

  /** Stores the terminal answer together with the letter, then says it. */
  async giveUp(command: Command, error: string, attempts: number, round: Round): Promise<void> {
    for (;;) {
      const { rows, answer, stored } = deadLetterPlan(command, error, attempts, this.#context());
      try {
        const positions = await this.#store.run((client) =>
          commitBatch(client, this.#part(rows, round.routeVersion)),
        );
        this.#relay.committed(rows.outbox, positions);
        if (isDurable(command)) round.finished(command, stored);
        round.answer(command, answer);
        this.#ports.metrics.deadLetters.inc();
        this.#ports.metrics.commands.inc("dead-lettered");
        this.#ports.logger.error(
          {
            ...commandBindings(this.#slot, command.envelope),
            key: command.keyText,
            attempts,
            error,
          },
          "a command was dead-lettered",
        );
        return;
      } catch (failure) {
        if (failure instanceof OutcomeUnknownError) {
          await this.#exits.recover([command], round);
          continue;
        }
        const state = sqlStateOf(failure);
        if (state === undefined) throw failure;
        const open = await this.#exits.afterFault(state, failure, [command], round);
        if (open.length === 0) return;
        await pause(refusedRetryMs);
      }
    }
  }

  /** Keeps bytes that cannot be read: nothing that the broker gave us is lost. */
  async keep(bytes: Uint8Array, error: string): Promise<void> {
    this.#ports.logger.error(
      { slot: this.#slot, error },
      "an unreadable message was dead-lettered",
    );
    this.#ports.metrics.deadLetters.inc();
    for (;;) {
      const rows = letterOnlyRows(bytes, error, this.#context());
      try {
        const positions = await this.#store.run((client) =>
          commitBatch(client, this.#part(rows, 0n)),
        );
        this.#relay.committed(rows.outbox, positions);
        return;
      } catch (failure) {
        if (!(failure instanceof OutcomeUnknownError)) throw failure;
        await this.#store.recover();
        this.#relay.reread();
      }
    }
  }

  #part(rows: CommitRows, routeVersion: bigint): CommitPart {
    return { slot: this.#slot, epoch: this.#store.epoch, routeVersion, rows };
  }

  #context(): DeadLetterContext {
    return {
      slot: this.#slot,
      epoch: this.#store.epoch,
      producer: this.#ports.identity,
      nowMs: this.#ports.worldNow(),
    };
  }
}
