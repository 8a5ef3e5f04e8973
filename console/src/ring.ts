/** The hexes that a player sees: watched around where it lives, and let go when it has walked away from them. */
import type { HexListener, Subscription } from "@hexhold/client";
import { diskOf, type Key, keyText } from "@hexhold/hex";

/** How far a player sees; the server shows no more. */
const ringRadius = 2;

export interface Ring {
  /** The hexes in sight, the player's own first. */
  readonly keys: readonly Key[];
  /** Watches the hexes around `home`; those that are not among them are closed first, as the server counts. */
  moveTo(home: Key): void;
}

export interface RingOptions<V> {
  readonly subscribe: (keys: readonly Key[], listener: HexListener<V>) => Subscription;
  readonly listener: HexListener<V>;
  /** A hex is watched no more. */
  readonly onClosed: (key: Key) => void;
}

export function createRing<V>({ subscribe, listener, onClosed }: RingOptions<V>): Ring {
  const watched = new Map<string, { readonly key: Key; readonly subscription: Subscription }>();
  let keys: readonly Key[] = [];
  return {
    get keys() {
      return keys;
    },
    moveTo(home) {
      keys = diskOf(home.hexId, ringRadius).map((hexId) => ({ ...home, hexId }));
      const inSight = new Set(keys.map(keyText));
      for (const [text, { key, subscription }] of watched) {
        if (inSight.has(text)) continue;
        watched.delete(text);
        subscription.close();
        onClosed(key);
      }
      for (const key of keys) {
        const text = keyText(key);
        if (!watched.has(text))
          watched.set(text, { key, subscription: subscribe([key], listener) });
      }
    },
  };
}
