/** A command on which the rules failed: tried by itself until it is finished, or given up. */
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "../actor/command.ts";
import { type HostFault, type RulesHost, RulesHostGoneError } from "../rules/rules-host.ts";
import { commandBindings } from "./command-bindings.ts";
import { FencedError } from "./ownership.ts";
import { attemptsMax, type Round } from "./round.ts";
import type { SlotPorts } from "./slot-ports.ts";
import { OutcomeUnknownError } from "./slot-store.ts";
import type { CommandSteps } from "./suspect.ts";

/** After a throw: waiting cannot help a pure function. */
const throwBackoffMs = [1, 2, 4, 8];

export interface IsolationSteps extends Pick<CommandSteps, "recover" | "giveUp"> {
  /** One attempt. Undefined: the command is finished. */
  attempt(command: Command, host: RulesHost, round: Round): Promise<HostFault | undefined>;
  /** Drops hexes from memory; they are loaded again when they are needed. */
  forget(keyTexts: readonly string[]): void;
}

export class Isolation {
  readonly #slot: string;
  readonly #ports: Pick<SlotPorts, "logger" | "metrics" | "rules" | "spareRules">;
  readonly #steps: IsolationSteps;
  #stopped = false;

  constructor(
    slot: string,
    ports: Pick<SlotPorts, "logger" | "metrics" | "rules" | "spareRules">,
    steps: IsolationSteps,
  ) {
    this.#slot = slot;
    this.#ports = ports;
    this.#steps = steps;
  }

  /** What is tried is left as it is: {@link isolate} rejects before the next attempt. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Tries a command that failed on a freshly loaded hex, alone: in the same host after a throw, in a spare
   * one when it cost the host its life. After five attempts in all it is dead-lettered. Throws {@link FencedError}
   * when the slot is given back meanwhile.
   */
  async isolate(command: Command, first: HostFault, round: Round): Promise<void> {
    let fault = first;
    const { logger, metrics, rules, spareRules } = this.#ports;
    for (let attempt = 1; ; attempt++) {
      metrics.retries.inc({ cause: fault.kind });
      logger.warn(
        {
          ...commandBindings(this.#slot, command.envelope),
          key: command.keyText,
          attempt,
          fault: fault.kind,
          error: fault.error,
        },
        "the rules failed on a command",
      );
      if (attempt >= attemptsMax) break;
      if (this.#stopped) throw new FencedError(this.#slot, "it is being given back");
      await pause(throwBackoffMs[attempt - 1] ?? 8);
      rules.rollback(this.#slot);
      this.#steps.forget([command.keyText]);
      const spare = fault.kind === "threw" ? undefined : spareRules();
      try {
        const next = await this.#steps.attempt(command, spare ?? rules, round);
        if (next === undefined) return;
        fault = next;
      } catch (error) {
        if (error instanceof OutcomeUnknownError) await this.#steps.recover([command], round);
        else if (!(error instanceof RulesHostGoneError)) throw error;
        attempt--;
      } finally {
        // The spare's actors are not the slot's: the hex is loaded again where it belongs.
        if (spare !== undefined) {
          this.#steps.forget([command.keyText]);
          await spare.stop();
        }
      }
    }
    await this.#steps.giveUp(command, fault.error, attemptsMax, round);
  }
}
