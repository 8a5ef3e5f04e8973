/**
 * Which actors leave memory: those that nobody has asked for a while, and under pressure those that were asked
 * longest ago. A snapshot comes first, so that the volatile part is kept and the next activation is cheap. Pure.
 */
import type { ActiveHex } from "./hex-table.ts";

export interface PassivationLimits {
  /** Of all actors of a worker, as {@link memoryOf} estimates them. */
  readonly memoryBytesMax: number;
  /** An actor that has had no command for so long is idle. */
  readonly idleMs: number;
}

export interface PassivationChoice<H> {
  /** Nothing is lost by them: saved, or (far beyond the limit) the journal has it all. */
  readonly passivate: readonly { readonly hex: H; readonly cause: "idle" | "memory" }[];
  /** To be saved first; then their turn comes. */
  readonly save: readonly H[];
  /** Of all, before. */
  readonly memoryBytes: number;
}

/**
 * What an actor costs beside its state, and what objects cost against their encoding. Measured with thousands of hexes
 * of the reference game: 1.9 KB for one of 44 bytes, 5.8 KB for 436, 14.5 KB for 1,612.
 */
const actorBytes = 2048;
const objectFactor = 8;
/** Pressure is relieved to a little below the limit, not hex by hex. */
const relief = 0.9;
/** When the store of snapshots is down: from here on an actor whose volatile part is saved goes without one. */
const hardShare = 1.25;

export function memoryOf({ stateBytes }: Pick<ActiveHex, "stateBytes">): number {
  return actorBytes + objectFactor * stateBytes;
}

export function choosePassive<
  H extends Pick<ActiveHex, "stateBytes" | "usedMs" | "unsaved" | "unsavedVolatile">,
>(hexes: readonly H[], limits: PassivationLimits, nowMs: number): PassivationChoice<H> {
  const memoryBytes = hexes.reduce((sum, hex) => sum + memoryOf(hex), 0);
  const isPressed = memoryBytes > limits.memoryBytesMax;
  const isHard = memoryBytes > hardShare * limits.memoryBytesMax;
  const isIdle = (hex: H): boolean => nowMs - hex.usedMs >= limits.idleMs;
  const passivate: { hex: H; cause: "idle" | "memory" }[] = [];
  const save: H[] = [];
  let left = memoryBytes;
  // Without pressure the idle ones alone: most looks find none, and are not to sort everything for that.
  const candidates = isPressed ? hexes : hexes.filter(isIdle);
  for (const hex of candidates.toSorted((a, b) => a.usedMs - b.usedMs)) {
    const isTooMuch = isPressed && left > relief * limits.memoryBytesMax;
    if (!isIdle(hex) && !isTooMuch) break;
    left -= memoryOf(hex);
    if (hex.unsaved === 0 || (isHard && hex.unsavedVolatile === 0)) {
      passivate.push({ hex, cause: isIdle(hex) ? "idle" : "memory" });
    } else save.push(hex);
  }
  return { passivate, save, memoryBytes };
}
