/** Timers of transits: when a destination that has not answered is asked. */
import type { ArmedTimer } from "../game.ts";
import { idText } from "../sorted-ids.ts";
import type { ResidenceState } from "./residence-state.ts";

const none: readonly ArmedTimer[] = [];

/** The timers that a hex holds: one for each player in transit. */
export function timersOf({ transits }: ResidenceState): readonly ArmedTimer[] {
  if (transits.length === 0) return none;
  return transits.map(({ playerId, dueMs, armedVersion }) => ({
    timer: timerOf(playerId),
    dueMs: Number(dueMs),
    armedVersion: Number(armedVersion),
  }));
}

export function timerOf(playerId: Uint8Array): string {
  return `transfer:${idText(playerId)}`;
}
