/** Attempts on commands that may have killed a worker: noted before they are tried, taken back after. */
import type { Command } from "../actor/command.ts";
import { FencedError } from "./ownership.ts";
import { OutcomeUnknownError, type SlotStore } from "./slot-store.ts";

type Store = Pick<SlotStore, "run" | "epoch">;

/** Adds an attempt to each of `commands`; returns the most that one of them has now. Throws what the store throws. */
export async function noteAttempts(
  store: Store,
  slot: string,
  commands: readonly Command[],
): Promise<number> {
  const { rows } = await store.run((client) =>
    client.query<{ attempts: number }>("SELECT world.note_attempts($1, $2, $3) AS attempts", [
      slot,
      store.epoch,
      keysOf(commands),
    ]),
  );
  return rows[0]?.attempts ?? 0;
}

/**
 * Takes an attempt of each of `commands` back. A store that does not answer, or a slot that is lost, leaves it: it is
 * one of five, and old ones are removed.
 */
export async function takeAttemptsBack(
  store: Store,
  slot: string,
  commands: readonly Command[],
): Promise<void> {
  try {
    await store.run((client) =>
      client.query("SELECT world.take_attempts_back($1, $2, $3)", [
        slot,
        store.epoch,
        keysOf(commands),
      ]),
    );
  } catch (error) {
    if (!(error instanceof OutcomeUnknownError || error instanceof FencedError)) throw error;
  }
}

function keysOf(commands: readonly Command[]): Uint8Array[] {
  return commands.map((command) => command.idempotencyKey);
}
