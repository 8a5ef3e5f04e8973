/**
 * A command on which the rules failed: tried by itself until it is finished, or given up.
 *
 * A command that loops holds up everybody in its slot, so all its attempts together take less than a second: after
 * the first, which cost the worker's rules thread its life, it is tried in a spare one under the engine's watchdog,
 * which ends the loop and not the thread. Attempts count per idempotency key, whoever sends it again, and a command
 * that has been charged one is finished whatever its deadline: else each resend would begin anew.
 */
import { setTimeout as pause } from "node:timers/promises";
import { bytesText } from "@hexhold/messaging";
import type { ReadHexes } from "../actor/activate.ts";
import type { Command } from "../actor/command.ts";
import { type HostFault, type RulesHost, RulesHostGoneError } from "../rules/rules-host.ts";
import { commandBindings } from "./command-bindings.ts";
import { ReleasingError } from "./ownership.ts";
import { attemptsMax, type Round } from "./round.ts";
import type { SlotPorts } from "./slot-ports.ts";
import { OutcomeUnknownError } from "./slot-store.ts";
import type { CommandSteps } from "./suspect.ts";

/** After a throw: waiting cannot help a pure function. */
const throwBackoffMs = [1, 2, 4, 8];
/** Limits of the second to the fifth attempt in a spare host, as shares of the first one's; the last has the most. */
const spareLimitShares = [0.1, 0.1, 0.1, 0.6];
/** Attempts for which the spare host had no processor, and which charge nobody. */
const starvedMax = 2;
/** Commands whose attempts are remembered. */
const rememberedMax = 1000;

export interface IsolationSteps extends Pick<CommandSteps, "recover" | "giveUp"> {
  /** One attempt, whatever the command's deadline. Undefined: the command is finished. */
  attempt(
    command: Command,
    host: RulesHost,
    round: Round,
    limitMs: number | undefined,
    read: ReadHexes,
  ): Promise<HostFault | undefined>;
  /** Drops hexes from memory; they are loaded again when they are needed. */
  forget(keyTexts: readonly string[]): void;
}

type IsolationPorts = Pick<
  SlotPorts,
  "decideMsMax" | "logger" | "metrics" | "rules" | "spareRules"
>;

export class Isolation {
  readonly #slot: string;
  readonly #ports: IsolationPorts;
  readonly #steps: IsolationSteps;
  /** Failed attempts of commands that are not finished, by idempotency key; the oldest first. */
  readonly #attempts = new Map<string, number>();
  #stopped = false;

  constructor(slot: string, ports: IsolationPorts, steps: IsolationSteps) {
    this.#slot = slot;
    this.#ports = ports;
    this.#steps = steps;
  }

  /** What is tried is left as it is: {@link isolate} rejects before the next attempt. */
  stop(): void {
    this.#stopped = true;
  }

  /** Whether an attempt of the command has failed and it is not finished: its deadline counts no more. */
  isCharged(command: Command): boolean {
    return this.#attempts.size > 0 && this.#attempts.has(bytesText(command.idempotencyKey));
  }

  /**
   * Tries a command that failed on a freshly loaded hex, alone: in the same host after a throw, in a spare
   * one when it cost the host its life. After five attempts in all it is dead-lettered. Throws {@link ReleasingError}
   * when the slot is given back meanwhile.
   */
  async isolate(command: Command, first: HostFault, round: Round): Promise<void> {
    const key = bytesText(command.idempotencyKey);
    const { decideMsMax, rules, spareRules } = this.#ports;
    let spare: RulesHost | undefined;
    let fault = first;
    let attempt = this.#charge(key, command, fault);
    let starved = 0;
    // The stores are asked once: the slot is held up, so nobody else writes the hex, and each answer of theirs would
    // be waited for by everybody in it.
    const read: ReadHexes = { report: undefined };
    try {
      while (attempt < attemptsMax) {
        if (this.#stopped) throw new ReleasingError(this.#slot);
        await pause(throwBackoffMs[attempt - 1] ?? 8);
        rules.rollback(this.#slot);
        this.#steps.forget([command.keyText]);
        if (fault.kind !== "threw") spare ??= spareRules();
        const limitMs =
          spare === undefined
            ? undefined
            : Math.ceil(decideMsMax * (spareLimitShares[attempt - 1] ?? 1));
        try {
          const next = await this.#steps.attempt(command, spare ?? rules, round, limitMs, read);
          if (next === undefined) {
            this.#attempts.delete(key);
            return;
          }
          fault = next;
        } catch (error) {
          if (error instanceof OutcomeUnknownError) {
            read.report = undefined;
            await this.#steps.recover([command], round);
          } else if (!(error instanceof RulesHostGoneError)) {
            throw error;
          }
          continue;
        } finally {
          // The spare's actors are not the slot's: the hex is loaded again where it belongs.
          if (spare !== undefined) {
            spare.forget(this.#slot, undefined, false);
            this.#steps.forget([command.keyText]);
          }
        }
        if (fault.kind === "starved" && starved++ < starvedMax) continue;
        attempt = this.#charge(key, command, fault);
      }
    } finally {
      await spare?.stop();
    }
    await this.#steps.giveUp(command, fault.error, attemptsMax, round);
    this.#attempts.delete(key);
  }

  /** Counts a failed attempt; returns how many the command has had. */
  #charge(key: string, command: Command, fault: HostFault): number {
    const { logger, metrics } = this.#ports;
    const attempt = (this.#attempts.get(key) ?? 0) + 1;
    this.#attempts.delete(key);
    this.#attempts.set(key, attempt);
    if (this.#attempts.size > rememberedMax) {
      this.#attempts.delete(this.#attempts.keys().next().value!);
    }
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
    return attempt;
  }
}
