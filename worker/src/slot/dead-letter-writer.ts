/**
 * Commits dead letters, however long the store makes it wait: nothing that the broker gave us is lost but what
 * PostgreSQL cannot hold.
 */
import { setTimeout as pause } from "node:timers/promises";
import { isContentRefusal, sqlStateOf, worldState } from "@hexhold/postgres";
import { isLoggedFailure } from "@hexhold/telemetry";
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

/** How a commit of a letter goes on after what is no refusal. */
interface CommitHow {
  readonly routeVersion: bigint;
  readonly onUnknown: () => Promise<void>;
  /** After a fault of `commit_batch`: whether the letter is still to be stored. */
  readonly onFault: (state: string, fault: unknown) => Promise<boolean>;
}

const refusedRetryMs = 100;
const refusalsMax = 5;

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

  /**
   * Stores the terminal answer together with the letter, then says it. What PostgreSQL refuses for its content five
   * times leaves the letter alone, and no result: a repetition is tried anew. When that is refused as well, there is an
   * error in the log in its place.
   */
  async giveUp(command: Command, error: string, attempts: number, round: Round): Promise<void> {
    let plan = deadLetterPlan(command, error, attempts, this.#context());
    const how: CommitHow = {
      routeVersion: round.routeVersion,
      onUnknown: () => this.#exits.recover([command], round),
      onFault: async (state, fault) =>
        (await this.#exits.afterFault(state, fault, [command], round)).length > 0,
    };
    const end = await this.#commit(() => {
      plan = deadLetterPlan(command, error, attempts, this.#context());
      return plan.rows;
    }, how);
    if (end === "settled") return;
    if (end === "committed" && isDurable(command)) round.finished(command, plan.stored);
    if (end === "refused") await this.#commitAlone(command.envelopeBytes, error, attempts, how);
    round.answer(command, plan.answer);
    this.#ports.metrics.deadLetters.inc();
    this.#ports.metrics.commands.inc("dead-lettered");
    this.#ports.logger.error(
      { ...commandBindings(this.#slot, command.envelope), key: command.keyText, attempts, error },
      "a command was dead-lettered",
    );
  }

  /** Keeps bytes that cannot be read: nothing that the broker gave us is lost, as long as PostgreSQL can hold it. */
  async keep(bytes: Uint8Array, error: string): Promise<void> {
    this.#ports.logger.error(
      { slot: this.#slot, error },
      "an unreadable message was dead-lettered",
    );
    this.#ports.metrics.deadLetters.inc();
    const recover = async (): Promise<void> => {
      await this.#store.recover();
      this.#relay.reread();
    };
    await this.#commitAlone(bytes, error, 1, {
      routeVersion: 0n,
      onUnknown: recover,
      async onFault(state, fault) {
        if (state !== worldState.epochBehind) throw fault;
        await recover();
        return true;
      },
    });
  }

  async #commitAlone(
    bytes: Uint8Array,
    error: string,
    attempts: number,
    how: CommitHow,
  ): Promise<void> {
    const end = await this.#commit(
      () => letterOnlyRows(bytes, error, attempts, this.#context()),
      how,
    );
    if (end !== "refused") return;
    this.#ports.logger.error(
      { slot: this.#slot, error, length: bytes.length },
      "a dead letter that PostgreSQL refuses was let go",
    );
  }

  /**
   * Commits what `rows` makes for each attempt. `settled`: a fault has answered the command. `refused`: PostgreSQL
   * refused the content five times. Whatever else it refuses is tried again.
   */
  async #commit(
    rows: () => CommitRows,
    { routeVersion, onUnknown, onFault }: CommitHow,
  ): Promise<"committed" | "settled" | "refused"> {
    let refusals = 0;
    for (let failures = 0; ; failures++) {
      const made = rows();
      try {
        const positions = await this.#store.run((client) =>
          commitBatch(client, this.#part(made, routeVersion)),
        );
        this.#relay.committed(made.outbox, positions);
        return "committed";
      } catch (failure) {
        if (failure instanceof OutcomeUnknownError) {
          await onUnknown();
          continue;
        }
        const state = sqlStateOf(failure);
        if (state === undefined) throw failure;
        if (state.startsWith("HX")) {
          if (!(await onFault(state, failure))) return "settled";
        } else {
          if (isLoggedFailure(failures)) {
            this.#ports.logger.warn({ err: failure, slot: this.#slot }, "a letter was refused");
          }
          if (isContentRefusal(failure) && ++refusals >= refusalsMax) return "refused";
        }
        await pause(refusedRetryMs);
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
