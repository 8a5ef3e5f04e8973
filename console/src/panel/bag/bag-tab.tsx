import { compareBytes } from "@hexhold/client";
import { OfferState } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { balances, items, offers, openOffers } from "../../bag.ts";
import { sight, world } from "../../world.ts";
import type { Tab } from "../tabs/tab.ts";
import { GoodsCard } from "./goods-card.tsx";
import { OfferForm } from "./offer-form.tsx";
import { OffersCard } from "./offers-card.tsx";

/** What the player has, and its trades with others. Of a game that the page does not know, once there is something. */
export const bagTab: Tab = {
  id: "bag",
  title: "Bag",
  isShown() {
    if (balances.value === undefined) return false;
    if (sight.value === "reference") return true;
    return balances.value.size + items.value.length + offers.value.length > 0;
  },
  waiting() {
    const self = world.value?.playerId;
    const count = openOffers.value.filter(
      ({ terms, state }) =>
        state === OfferState.OPEN && self !== undefined && compareBytes(terms!.to, self) === 0,
    ).length;
    return { count, words: count === 1 ? "1 offer to you" : `${count} offers to you` };
  },
  Panel: ({ world: opened }) => (
    <>
      <GoodsCard />
      <OffersCard world={opened} />
      <OfferForm world={opened} />
    </>
  ),
};
