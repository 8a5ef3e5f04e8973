/** Local chat follows the player. */
import { diskOf, type Key, keyText } from "@hexhold/hex";
import type { Client } from "./client.ts";
import type { Subscription } from "./subscriptions.ts";

export interface Followed {
  /** The last number that was told; undefined: nothing was read yet. */
  readonly last: bigint | undefined;
  close(): void;
}

/** @param last the last number that was told before. */
export type FollowHex = (key: Key, last: bigint | undefined) => Followed;

const lookEveryMs = 250;

/** The hexes around a player, as it walks. A hex that it comes back to goes on where it was left. */
export class HexRing {
  readonly #client: Pick<Client<unknown>, "subscribe">;
  readonly #player: { readonly key: Key };
  readonly #follow: FollowHex;
  readonly #hexes = new Map<string, { readonly subscription: Subscription; followed?: Followed }>();
  readonly #lasts = new Map<string, bigint>();
  readonly #clock: ReturnType<typeof setInterval>;
  #centre = "";

  constructor(
    client: Pick<Client<unknown>, "subscribe">,
    player: { readonly key: Key },
    follow: FollowHex,
  ) {
    this.#client = client;
    this.#player = player;
    this.#follow = follow;
    this.#clock = setInterval(() => this.#look(), lookEveryMs);
    this.#look();
  }

  close(): void {
    clearInterval(this.#clock);
    for (const text of Array.from(this.#hexes.keys())) this.#leave(text);
  }

  #look(): void {
    const { hexId, layerId } = this.#player.key;
    const centre = keyText({ hexId, layerId });
    if (centre === this.#centre) return;
    this.#centre = centre;
    const ring = new Map(
      diskOf(hexId, 1).map((id) => {
        const key = { hexId: id, layerId };
        return [keyText(key), key] as const;
      }),
    );
    for (const text of Array.from(this.#hexes.keys())) if (!ring.has(text)) this.#leave(text);
    for (const [text, key] of ring) if (!this.#hexes.has(text)) this.#enter(text, key);
  }

  #enter(text: string, key: Key): void {
    // The server lets those listen who are subscribed.
    const subscription = this.#client.subscribe([key], (update) => {
      const hex = this.#hexes.get(text);
      if (update.kind !== "state" || hex === undefined || hex.followed !== undefined) return;
      hex.followed = this.#follow(key, this.#lasts.get(text));
    });
    this.#hexes.set(text, { subscription });
  }

  #leave(text: string): void {
    const hex = this.#hexes.get(text);
    this.#hexes.delete(text);
    if (hex?.followed?.last !== undefined) this.#lasts.set(text, hex.followed.last);
    hex?.followed?.close();
    hex?.subscription.close();
  }
}
