/** Timers of transits: when a destination that has not answered is asked. */
import type { ArmedTimer } from "@hexhold/actor";
import type { HexState } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { idText } from "../sorted-ids.ts";

const none: readonly ArmedTimer[] = [];

/** The timers that a hex holds: one for each player in transit. */
export function timersOf({ transits }: HexState): readonly ArmedTimer[] {
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
