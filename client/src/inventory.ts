/** What the player of a session has, and trades with others, as the inventory service says. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type GetBalances,
  GetBalancesSchema,
  type GetHistory,
  GetHistorySchema,
} from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import {
  type AcceptTrade,
  AcceptTradeSchema,
  type EndTrade,
  EndTradeSchema,
  type GetItems,
  GetItemsSchema,
  type GetOffers,
  GetOffersSchema,
  type Offer,
  type OfferTrade,
  OfferTradeSchema,
} from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { ChangedSchema } from "@hexhold/gen/hexhold/inventory/v1/events_pb";
import type { Client, SendOptions } from "./client.ts";
import { typeOfEvent } from "./contract-of.ts";
import { healing, type Read, readOf, unordered, type WatchOptions } from "./healing.ts";
import { ownTopic } from "./topics.ts";
import type { OutcomeOf } from "./outcome.ts";

/** What there is of an asset. */
export type Balances = ReadonlyMap<string, { readonly available: bigint; readonly held: bigint }>;

export interface Inventory {
  /** Follows the balances: all of them, read again when one has changed. */
  watch(options?: WatchOptions): AsyncIterableIterator<Balances>;
  /**
   * Follows the newest 50 offers from and to the player, ended ones among them, the newest first: read again when a balance has
   * changed, as it does when an own offer ends. Nobody is told of an offer that another player makes: how soon it is seen is
   * `readEveryMs` (default 60,000).
   */
  watchOffers(options?: WatchOptions): AsyncIterableIterator<readonly Offer[]>;
  /** A page of balances by asset: 100 unless `limit` (at most 200) says otherwise, those behind `after`. */
  balances(
    page?: MessageInitShape<typeof GetBalancesSchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<GetBalances>>;
  /** A page of what changed them, the newest first: 50 unless `limit` (at most 100) says otherwise. */
  history(
    page?: MessageInitShape<typeof GetHistorySchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<GetHistory>>;
  /** A page of own items by their ids: 50 unless `limit` (at most 100) says otherwise, those behind `after`. */
  items(
    page?: MessageInitShape<typeof GetItemsSchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<GetItems>>;
  /** A page of offers from and to the player, the newest first: 20 unless `limit` (at most 100) says otherwise. */
  offers(
    page?: MessageInitShape<typeof GetOffersSchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<GetOffers>>;
  /**
   * Offers a trade to an account: up to 8 lines each way, of an asset with its amount or of an item. What is given is held from
   * now on, for 10 minutes (`expiresS`: 60 to 86,400). Its terms never change.
   */
  offer(
    offer: MessageInitShape<typeof OfferTradeSchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<OfferTrade>>;
  /** Accepts what was shown: `termsHash` is that of the offer's terms (32 bytes), as `offers` has it. */
  accept(
    offer: Pick<Offer, "termsHash"> & { readonly offerId: Uint8Array },
    options?: SendOptions,
  ): Promise<OutcomeOf<AcceptTrade>>;
  /** Withdraws an own offer, or declines one to the player. */
  end(offerId: Uint8Array, options?: SendOptions): Promise<OutcomeOf<EndTrade>>;
}

const changed = typeOfEvent(ChangedSchema);
const pageMax = 200;
const offersMax = 50;

/** What was gathered is credited soon after the answer to `gather`. */
export function createInventory(client: Pick<Client<unknown>, "listen" | "send">): Inventory {
  async function readAll(): Promise<Read<Balances>> {
    const all = new Map<string, { readonly available: bigint; readonly held: bigint }>();
    for (let after = ""; ;) {
      const page = { limit: pageMax, after };
      const outcome = await client.send(GetBalancesSchema, undefined, page, unordered);
      if (outcome.outcome !== "applied") return readOf(outcome, () => all);
      const { balances, nextAfter } = outcome.result;
      for (const { asset, amount, held } of balances) all.set(asset, { available: amount, held });
      if (nextAfter === "") return { kind: "state", state: all };
      after = nextAfter;
    }
  }
  return {
    watch: (options) =>
      healing<Balances>(
        client,
        {
          topic: ownTopic,
          read: readAll,
          // It has no number: what was read may be newer.
          apply: (_, { type }) => (type === changed ? "hole" : "old"),
          seqOf: () => 0n,
        },
        options,
      ),
    watchOffers: (options) =>
      healing<readonly Offer[]>(
        client,
        {
          topic: ownTopic,
          async read() {
            const page = { limit: offersMax };
            const outcome = await client.send(GetOffersSchema, undefined, page, unordered);
            return readOf(outcome, ({ offers }) => offers);
          },
          apply: (_, { type }) => (type === changed ? "hole" : "old"),
          seqOf: () => 0n,
        },
        options,
      ),
    balances: (page, options) => client.send(GetBalancesSchema, undefined, page, options),
    history: (page, options) => client.send(GetHistorySchema, undefined, page, options),
    items: (page, options) => client.send(GetItemsSchema, undefined, page, options),
    offers: (page, options) => client.send(GetOffersSchema, undefined, page, options),
    offer: (offer, options) => client.send(OfferTradeSchema, undefined, offer, options),
    accept: ({ offerId, termsHash }, options) =>
      client.send(AcceptTradeSchema, undefined, { offerId, termsHash }, options),
    end: (offerId, options) => client.send(EndTradeSchema, undefined, { offerId }, options),
  };
}
