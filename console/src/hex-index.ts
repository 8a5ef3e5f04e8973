/** What the page knows of each hex of the ring; read by the map sixty times a second, without signals. */
import type { HexUpdate } from "@hexhold/client";
import type { HexView } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { keyText } from "@hexhold/hex";

export interface KnownHex {
  readonly view: HexView | undefined;
  readonly hexVersion: number;
  /** `loading`: no state yet. `stale`: a gap, or no connection. `denied`: not to be seen, for the reason given. */
  readonly mode: "loading" | "live" | "stale" | "denied";
  /** Of a denied hex: a reason of the server, or `unreadable`. */
  readonly reason?: string;
}

const loading: KnownHex = { view: undefined, hexVersion: 0, mode: "loading" };

export interface HexIndex {
  get(keyText: string): KnownHex;
  take(update: HexUpdate<HexView>): void;
  /** The hex is watched no more. */
  forget(keyText: string): void;
}

export function createHexIndex(): HexIndex {
  const hexes = new Map<string, KnownHex>();
  return {
    get: (text) => hexes.get(text) ?? loading,
    forget: (text) => void hexes.delete(text),
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
          hexes.set(text, { ...loading, mode: "denied", reason: update.reason });
          break;
        case "unreadable":
          hexes.set(text, { ...loading, mode: "denied", reason: "unreadable" });
          break;
        default:
          update satisfies never;
      }
    },
  };
}
