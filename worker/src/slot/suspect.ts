/** Commands that may have killed a worker: an attempt is noted before each and taken back after it. */
import type { Command } from "../actor/command.ts";
import { OutcomeUnknownError, type SlotStore } from "./slot-store.ts";

/** Adds `delta` attempts to a command; returns how many it has now. */
export async function noteAttempt(
  store: SlotStore,
  slot: string,
  command: Command,
  delta: number,
): Promise<number> {
  const { rows } = await store.run((client) =>
    client.query<{ attempts: number }>("SELECT world.note_attempt($1, $2, $3, $4) AS attempts", [
      slot,
      store.epoch,
      command.idempotencyKey,
      delta,
    ]),
  );
  return rows[0]?.attempts ?? 0;
}

/** Takes an attempt back. A store that does not answer leaves it: it is one of five, and old ones are removed. */
export async function takeAttemptBack(
  store: SlotStore,
  slot: string,
  command: Command,
): Promise<void> {
  try {
    await noteAttempt(store, slot, command, -1);
  } catch (error) {
    if (!(error instanceof OutcomeUnknownError)) throw error;
  }
}
