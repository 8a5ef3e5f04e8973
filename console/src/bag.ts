/** What the player has, free and in escrow, and its trades with others. */
import { type Balances, type Client, createInventory } from "@hexhold/client";
import type { Item, Offer } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { OfferState } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import { follow } from "./follow.ts";
import { paced } from "./paced.ts";

/** By asset; undefined until it is known, and in a world without an inventory for ever. */
export const balances = signal<Balances | undefined>(undefined);
export const items = signal<readonly Item[]>([]);
/** Made and received, the newest first, ended ones among them. */
export const offers = signal<readonly Offer[]>([]);

/** Nobody is told of another's offer: read this often while the player looks at them, and else. */
const offersOpenMs = 2_000;
const offersMs = 20_000;
/** Between two readings of the items. */
const itemsPauseMs = 500;
const itemsPage = 100;
const itemsMax = 400;
const wanted = signal(0);

export const openOffers = computed(() =>
  offers.value.filter(({ state }) => state === OfferState.OPEN),
);

/** Reads the offers now: one that the player has declined changes none of its balances. */
export function readOffersSoon(): void {
  wanted.value++;
}

export function forgetBag(): void {
  balances.value = undefined;
  items.value = [];
  offers.value = [];
}

/** @param isOpen whether the player looks at its bag */
export function followBag(
  client: Pick<Client<unknown>, "listen" | "send">,
  isOpen: ReadonlySignal<boolean>,
): () => void {
  const inventory = createInventory(client);
  let isStopped = false;

  const readItems = paced(async () => {
    const all: Item[] = [];
    for (let after: Uint8Array | undefined = new Uint8Array(0); after !== undefined;) {
      const outcome = await inventory.items({ limit: itemsPage, after }, { ordered: false });
      if (outcome.outcome !== "applied" || isStopped) return;
      all.push(...outcome.result.items);
      const { nextAfter } = outcome.result;
      after = nextAfter.length === 0 || all.length >= itemsMax ? undefined : nextAfter;
    }
    items.value = all;
  }, itemsPauseMs);

  const stops = [
    follow(
      (ending) => inventory.watch({ signal: ending }),
      (state) => {
        balances.value = state;
        readItems();
      },
    ),
    effect(() => {
      void wanted.value;
      const readEveryMs = isOpen.value ? offersOpenMs : offersMs;
      return untracked(() =>
        follow(
          (ending) => inventory.watchOffers({ signal: ending, readEveryMs }),
          (state) => {
            offers.value = state;
            readItems();
          },
        ),
      );
    }),
  ];
  return () => {
    isStopped = true;
    for (const stop of stops) stop();
  };
}
