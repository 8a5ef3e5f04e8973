/** Load for faults in an economy: traders that place and cancel orders, offer, accept and withdraw, give to hexes and sites, plan, give up and walk, in a seeded mix. */
import { fromBinary, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  AcceptTradeSchema,
  EndTradeSchema,
  OfferTradeSchema,
  TradeOfferedSchema,
} from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import {
  CancelOrderSchema,
  Fill,
  OrderPlacedSchema,
  PlaceOrderSchema,
  Side,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import {
  domainCommand,
  gatewayUrls,
  joinPlayer,
  type LoadPlayer,
  type World,
} from "@hexhold/testing";
import { type KnownSites, landActs, type Settler } from "./land-play.ts";
import { gather } from "./play.ts";

export interface Trader extends Settler {
  readonly player: LoadPlayer;
  readonly accountId: string;
  /** Hex of each order that was placed, with its book. */
  readonly orders: Map<string, string>;
}

/** An offer that was made, and its terms as the other side is shown them. */
interface KnownOffer {
  readonly offerId: Uint8Array;
  readonly termsHash: Uint8Array;
  readonly from: Trader;
  readonly to: Trader;
}

export interface EconomyPlay {
  readonly traders: readonly Trader[];
  /** Commands with a final answer, by type and outcome. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly done: number;
  /** Ends of offers of which the client was told that they were applied, by offer. */
  readonly endedOffers: ReadonlyMap<string, string>;
  /** Stops sending, and waits until every command has its final answer. */
  finish(): Promise<void>;
}

const books = ["wood", "stone"];
const enterType = "cmd.hex.enter";

/** mulberry32: the same mix for the same seed. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Gives each trader coin and goods, and lets them trade until `finish`. */
export async function startEconomy(
  world: World,
  options: { readonly count: number; readonly seed: number; readonly pauseMs: number },
): Promise<EconomyPlay> {
  const gateways = gatewayUrls(world.status());
  const minted = await world.mint(options.count);
  const traders = await Promise.all(
    minted.map(async (one, i): Promise<Trader> => {
      const urls = [...gateways.slice(i % gateways.length), ...gateways];
      const player = await joinPlayer(urls, one);
      return { player, at: player.key, accountId: one.accountId, orders: new Map() };
    }),
  );
  await giveAll(world, traders);
  const outcomes = new Map<string, number>();
  const offers: KnownOffer[] = [];
  const sites: KnownSites = new Map();
  const endedOffers = new Map<string, string>();
  let playing = true;
  let done = 0;

  async function send<T extends Message>(
    { player }: Trader,
    type: string,
    schema: GenMessage<T>,
    fields: MessageInitShape<GenMessage<NoInfer<T>>>,
  ): Promise<Uint8Array | undefined> {
    const { said, result } = await domainCommand(player, type, schema, fields);
    const outcome = `${type} ${said}`;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    done++;
    return result;
  }

  const acts: Record<string, (trader: Trader, random: (below: number) => number) => Promise<void>> =
    {
      async place(trader, random) {
        const book = books[random(books.length)]!;
        const result = await send(trader, "cmd.market.place-order", PlaceOrderSchema, {
          book,
          side: random(2) === 0 ? Side.BUY : Side.SELL,
          price: BigInt(90 + random(21)),
          quantity: BigInt(1 + random(9)),
          fill: random(5) === 0 ? Fill.IOC : Fill.GTC,
          // Some expire while this goes on.
          lifetimeS: random(4) === 0 ? 60 : 3600,
        });
        if (result === undefined) return;
        trader.orders.set(hexOf(fromBinary(OrderPlacedSchema, result).orderId), book);
      },
      async cancel(trader, random) {
        const all = [...trader.orders];
        const [orderId, book] = all[random(Math.max(all.length, 1))] ?? [];
        if (orderId === undefined || book === undefined) return;
        const order = { book, orderId: Buffer.from(orderId, "hex") };
        await send(trader, "cmd.market.cancel-order", CancelOrderSchema, order);
      },
      async offer(trader, random) {
        const to = traders[random(traders.length)]!;
        const result = await send(trader, "cmd.inventory.offer-trade", OfferTradeSchema, {
          to: uuidBytes(to.accountId),
          give: [{ asset: books[random(books.length)]!, amount: BigInt(1 + random(5)) }],
          want: [{ asset: "coin", amount: BigInt(100 + random(400)) }],
          expiresS: 60,
        });
        if (result !== undefined) {
          offers.push({ ...fromBinary(TradeOfferedSchema, result), from: trader, to });
        }
      },
      // Both sides at once, the one who accepts over two requests.
      async settle(_trader, random) {
        const [offer] = offers.splice(random(Math.max(offers.length, 1)), 1);
        if (offer === undefined) return;
        const { offerId, termsHash, from, to } = offer;
        const accept = () =>
          send(to, "cmd.inventory.accept-trade", AcceptTradeSchema, { offerId, termsHash });
        const end = () => send(from, "cmd.inventory.end-trade", EndTradeSchema, { offerId });
        const [accepted, again, ended] = await Promise.all([accept(), accept(), end()]);
        const applied = [accepted, again].filter((result) => result !== undefined).length;
        const ends = applied + (ended === undefined ? 0 : 1);
        if (ends > 1) throw new Error(`offer ${uuidText(offerId)} was ended ${ends} times`);
        if (applied === 1) endedOffers.set(uuidText(offerId), "accepted");
        if (ended !== undefined) endedOffers.set(uuidText(offerId), "withdrawn");
      },
      async gather({ player, at }) {
        await player.command("cmd.hex.gather", gather(), { key: at });
        done++;
      },
    };
  for (const [name, act] of Object.entries(landActs)) {
    acts[name] = async (trader, random) => {
      await act(trader, random, sites);
      done++;
    };
  }
  const trades = "place place place place cancel cancel offer settle gather";
  const land = "contribute contribute contribute contribute plan giveUp cross";
  const mix = `${trades} ${land}`.split(" ");

  const loops = traders.map(async (trader, i) => {
    const random = randomOf(options.seed * 1000 + i);
    await trader.player.command(enterType, new Uint8Array(0));
    while (playing) {
      await acts[mix[random(mix.length)]!]!(trader, random);
      await new Promise((resolve) => setTimeout(resolve, options.pauseMs));
    }
  });
  const all = Promise.all(loops);
  // A failure is for whoever finishes.
  all.catch(() => undefined);
  return {
    traders,
    outcomes,
    endedOffers,
    get done() {
      return done;
    },
    async finish() {
      playing = false;
      await all;
    },
  };
}

async function giveAll(world: World, traders: readonly Trader[]): Promise<void> {
  for (const { accountId } of traders) {
    await world.grant(accountId, "coin", 100_000n);
    await world.grant(accountId, "wood", 500n);
    await world.grant(accountId, "stone", 500n);
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
