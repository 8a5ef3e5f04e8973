/** Players as they are drawn: where they were told to be, reached in a short glide instead of a jump. */
import { hexDigits } from "@hexhold/client";
import type { SeenPlayer } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import type { Point } from "./projection.ts";

export interface Figure extends Point {
  readonly id: string;
  readonly playerId: Uint8Array;
  /** 0…359, from the id: the same player looks the same to everybody. */
  readonly hue: number;
}

export interface Figures {
  /** Players of a hex, moved on by `elapsedMs`; whoever is gone is forgotten. */
  glide(hex: string, players: readonly SeenPlayer[], elapsedMs: number): readonly Figure[];
}

/** Time in which most of a step is made: two of the SDK's sends. */
const glideMs = 90;

export function createFigures(): Figures {
  const byHex = new Map<string, Map<string, Figure>>();
  return {
    glide(hex, players, elapsedMs) {
      const before = byHex.get(hex);
      const now = new Map<string, Figure>();
      const share = 1 - Math.exp(-elapsedMs / glideMs);
      for (const { playerId, x, y } of players) {
        const id = hexDigits(playerId);
        const last = before?.get(id);
        const hue = last?.hue ?? hueOf(playerId);
        now.set(
          id,
          last === undefined
            ? { id, playerId, hue, x, y }
            : {
                id,
                playerId,
                hue,
                x: last.x + (x - last.x) * share,
                y: last.y + (y - last.y) * share,
              },
        );
      }
      byHex.set(hex, now);
      return [...now.values()];
    },
  };
}

/** 0…359: the colour of a player, on the map and in the panel. */
export function hueOf(playerId: Uint8Array): number {
  // The last bytes of a UUIDv7 are random, the first are time.
  const [a = 0, b = 0] = playerId.slice(-2);
  return ((a * 256 + b) * 137) % 360;
}
