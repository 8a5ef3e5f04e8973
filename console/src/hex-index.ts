/** What the page knows of each hex of the ring; read by the map sixty times a second, without signals. */
import type { HexUpdate } from "@hexhold/client";
import type { ReadableView } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { keyText } from "@hexhold/hex";

/** The views that the page can show. */
export type WorldView = HexView | ReadableView;

export interface KnownHex {
  /** Of the reference game. */
  readonly view: HexView | undefined;
  /** JSON text, of a game that has no view of its own. */
  readonly document: string | undefined;
  readonly hexVersion: number;
  /** `loading`: no state yet. `stale`: a gap, or no connection. `denied`: not to be seen, for the reason given. */
  readonly mode: "loading" | "live" | "stale" | "denied";
  /** Of a denied hex: a reason of the server, or `unreadable`. */
  readonly reason?: string;
}

const loading: KnownHex = { view: undefined, document: undefined, hexVersion: 0, mode: "loading" };

export interface HexIndex {
  get(keyText: string): KnownHex;
  take(update: HexUpdate<WorldView>): void;
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
          hexes.set(text, { ...shownOf(view), hexVersion, mode: "live" });
          break;
        }
        case "stale":
          // The state that an event asks for comes in a moment: a map that flickers tells less.
          if (update.cause === "event") break;
          hexes.set(text, { ...before, mode: isSeen(before) ? "stale" : "loading" });
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

/** Whether there is something to show of it. */
export function isSeen({ view, document }: KnownHex): boolean {
  return view !== undefined || document !== undefined;
}

function shownOf(view: WorldView): Pick<KnownHex, "view" | "document"> {
  return view.$typeName === "hexhold.hex.v1.ReadableView"
    ? { view: undefined, document: view.json }
    : { view, document: undefined };
}
