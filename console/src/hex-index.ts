/** What the page knows of each hex of the ring; read by the map sixty times a second, without signals. */
import type { HexUpdate } from "@hexhold/client";
import type { HexView } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { keyText } from "@hexhold/hex";

export interface KnownHex {
  readonly view: HexView | undefined;
  readonly hexVersion: number;
  /** `loading`: no state yet. `stale`: a gap, or no connection. `denied`: never to be seen. */
  readonly mode: "loading" | "live" | "stale" | "denied";
}

const loading: KnownHex = { view: undefined, hexVersion: 0, mode: "loading" };

export interface HexIndex {
  get(keyText: string): KnownHex;
  take(update: HexUpdate<HexView>): void;
}

export function createHexIndex(): HexIndex {
  const hexes = new Map<string, KnownHex>();
  return {
    get: (text) => hexes.get(text) ?? loading,
    take(update) {
      const text = keyText(update.key);
      const before = hexes.get(text) ?? loading;
      switch (update.kind) {
        case "state":
        case "event": {
          const { view, hexVersion } = update.seen;
          hexes.set(text, { view, hexVersion, mode: "live" });
          break;
        }
        case "stale":
          hexes.set(text, { ...before, mode: before.view === undefined ? "loading" : "stale" });
          break;
        case "denied":
          hexes.set(text, { view: undefined, hexVersion: 0, mode: "denied" });
          break;
        default:
          update satisfies never;
      }
    },
  };
}
