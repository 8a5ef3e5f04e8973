/** What the world has beside its hexes, as far as it concerns the player, followed while the page is in it. */
import type { Client } from "@hexhold/client";
import { type Key, keyText } from "@hexhold/hex";
import { computed, type ReadonlySignal } from "@preact/signals";
import { followBag, forgetBag } from "./bag.ts";
import { followChat, forgetChat } from "./chat.ts";
import { followCouncil, forgetCouncil } from "./council.ts";
import { followMarket, forgetMarket } from "./market.ts";
import { chosenTab, type TabId } from "./panel/tabs/chosen-tab.ts";

export interface ServicesOptions {
  readonly place: ReadonlySignal<{ readonly home: Key }>;
  /** That may have a book, coin among them or not. */
  readonly assets: ReadonlySignal<readonly string[]>;
  /** Where the player lives, as it walks. */
  readonly player: { readonly key: Key };
  /** Its account as UUID text. */
  readonly self: string;
}

/** What everything is paid in: it has no book. */
export const coin = "coin";

/** Returns the end of it. */
export function followServices(
  client: Pick<Client<unknown>, "listen" | "send" | "subscribe">,
  { place, assets, player, self }: ServicesOptions,
): () => void {
  const isOpen = (id: TabId): ReadonlySignal<boolean> => computed(() => chosenTab.value === id);
  const traded = computed(() => assets.value.filter((asset) => asset !== coin));
  const hex = computed(() => keyText(place.value.home));
  const stops = [
    followBag(client, isOpen("bag")),
    followMarket(client, traded, isOpen("market")),
    followCouncil(client, hex, isOpen("council")),
    followChat(client, player, { self, isOpen: isOpen("chat") }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

export function forgetServices(): void {
  forgetBag();
  forgetMarket();
  forgetCouncil();
  forgetChat();
}
