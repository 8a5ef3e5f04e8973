/** What a bot with a calling does besides the steps of its life: it looks at the market and at the council, and talks. */
import {
  compareBytes,
  createChat,
  createCouncil,
  createInventory,
  createMarket,
  hexDigits,
} from "@hexhold/client";
import { type ElectionView, ElectionState } from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { type Order, Side as WireSide } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { keyText } from "@hexhold/hex";
import { roomAt } from "@hexhold/reference-client";
import {
  chooseBook,
  decideTrade,
  learned,
  type Margins,
  marginsAtFirst,
  type MarketSight,
  type Side,
} from "./decide-trade.ts";
import { type CouncilSight, decideVote } from "./decide-vote.ts";
import { decideWords } from "./decide-words.ts";
import { assetOf, type Life, measured } from "./life.ts";

export interface Errands {
  /** Does one if it is time for one by chance, and waits for its end. Never rejects for what the server answers. */
  run(): Promise<void>;
}

/** What a trader knows of a book from look to look. */
interface BookMemory {
  readonly margins: Margins;
  /** Own orders that rested, by hexadecimal id. */
  readonly resting: ReadonlyMap<string, Side>;
}

/** What a unit is worth to who has never seen a price: five times the coin that a hex gives for it. */
const guesses: ReadonlyMap<Resource, bigint> = new Map([
  [Resource.WOOD, 5n],
  [Resource.STONE, 10n],
  [Resource.FOOD, 5n],
  [Resource.ORE, 20n],
  [Resource.HERB, 15n],
]);
const resources = [...guesses.keys()];
/** Seconds that its orders live: longer than most are wanted, so that some are cancelled. */
const lifetimeS = 300;
const words = "I will plan a dwelling.";

export function createErrands(life: Life): Errands {
  const { client, player, random, traits, accountId } = life;
  const market = createMarket(client);
  const inventory = createInventory(client);
  const council = createCouncil(client);
  const chat = createChat(client);
  const memory = new Map<string, BookMemory>();

  async function trade(): Promise<void> {
    const bag = await measured(life, "look", () => inventory.balances());
    if (bag.outcome !== "applied") return;
    const available = new Map(bag.result.balances.map(({ asset, amount }) => [asset, amount]));
    recount(available);
    const resource = chooseBook(
      resources.map((each) => ({ each, goods: available.get(assetOf(each)) ?? 0n })),
      wanted(),
      traits.stance,
      random,
    );
    const book = assetOf(resource);
    const [own, seen] = await Promise.all([
      measured(life, "look", () => market.orders({ openOnly: true, limit: 100 })),
      measured(life, "look", () => market.book(book, 1)),
    ]);
    if (own.outcome !== "applied" || seen.outcome !== "applied") return;
    const orders = own.result.orders.filter((order) => order.book === book).map(ownOrder);
    const margins = learn(book, orders);
    const { bids, asks, lastPrice, halted } = seen.result;
    const sight: MarketSight = {
      book,
      bestBid: bids[0]?.price ?? 0n,
      bestAsk: asks[0]?.price ?? 0n,
      lastPrice,
      isHalted: halted,
      goods: available.get(book) ?? 0n,
      coin: available.get("coin") ?? 0n,
      orders,
      guess: guesses.get(resource)!,
    };
    const step = decideTrade(sight, traits.stance, margins, random);
    if (step?.kind === "cancel") {
      forget(book, step.orderId);
      await measured(life, "cancel", () => market.cancel(book, step.orderId));
    } else if (step !== undefined) {
      const { side, price, quantity } = step;
      const order = { book, side: wireSide(side), price, quantity, lifetimeS };
      await measured(life, "order", () => market.place(order));
    }
  }

  /** What the open site of its hex still takes. */
  function wanted(): Resource[] {
    const view = client.view(player.key)?.view;
    if (view?.site === undefined || view.site.startedMs > 0n) return [];
    return view.site.needs
      .filter((need) => roomAt(view, need, assetOf(need.resource)) > 0n)
      .map(({ resource }) => resource);
  }

  /** What it has is what the inventory says: orders hold some of what it has gathered. */
  function recount(available: ReadonlyMap<string, bigint>): void {
    for (const resource of resources) {
      const amount = Number(available.get(assetOf(resource)) ?? 0n);
      if (amount > 0) life.carried.set(resource, amount);
      else life.carried.delete(resource);
    }
  }

  function learn(book: string, orders: readonly { orderId: Uint8Array; side: Side }[]): Margins {
    const resting = new Map(orders.map(({ orderId, side }) => [hexDigits(orderId), side]));
    const before = memory.get(book);
    const gone = [...(before?.resting ?? [])].filter(([id]) => !resting.has(id));
    const isFilled = (side: Side): boolean => gone.some((order) => order[1] === side);
    const margins =
      before === undefined
        ? marginsAtFirst
        : learned(before.margins, { buy: isFilled("buy"), sell: isFilled("sell") });
    memory.set(book, { margins, resting });
    return margins;
  }

  /** Cancelled is not filled. */
  function forget(book: string, orderId: Uint8Array): void {
    const before = memory.get(book);
    if (before === undefined) return;
    const resting = new Map(before.resting);
    resting.delete(hexDigits(orderId));
    memory.set(book, { ...before, resting });
  }

  async function visitCouncil(): Promise<void> {
    const at = player.key;
    const text = keyText(at);
    const newest = { limit: 1 };
    const [points, owners, elections] = await Promise.all([
      measured(life, "look", () => council.reputation({ hex: text })),
      measured(life, "look", () => council.ownership(at, newest)),
      measured(life, "look", () => council.elections(at, newest)),
    ]);
    if (elections.outcome !== "applied" || points.outcome !== "applied") return;
    const [last] = elections.result.elections;
    const isOpen = last?.state === ElectionState.OPEN;
    const view = isOpen
      ? await measured(life, "look", () => council.election(last.election))
      : undefined;
    const nowMs = client.serverNow();
    const sight: CouncilSight = {
      isOwned:
        owners.outcome === "applied" &&
        owners.result.ownerships.some(
          ({ owner, untilMs }) => owner.length > 0 && nowMs < Number(untilMs),
        ),
      points: points.result.hexes.find(({ hex: of }) => of === text)?.points ?? 0n,
      election: view?.outcome === "applied" ? electionSight(view.result) : undefined,
    };
    // Open, and nothing is known of it: no reason to call another one.
    if (isOpen && sight.election === undefined) return;
    const step = decideVote(sight, traits.stands, random);
    switch (step?.kind) {
      case "call":
        await measured(life, "call", () => council.call(at));
        return;
      case "stand":
        await measured(life, "stand", () => council.stand(step.election, words));
        return;
      case "vote":
        await measured(life, "vote", () => council.vote(step.election, step.candidate));
        return;
      default:
        return;
    }
  }

  function electionSight({
    election,
    candidates,
    ownWeight,
    ownVote,
  }: ElectionView): CouncilSight["election"] {
    if (election === undefined) return undefined;
    const isSelf = (account: Uint8Array): boolean => compareBytes(account, accountId) === 0;
    return {
      election: election.election,
      ownWeight,
      candidates: candidates.map((candidate) => candidate.accountId),
      isCandidate: candidates.some((candidate) => isSelf(candidate.accountId)),
      hasVoted: ownVote.length > 0,
    };
  }

  async function talk(): Promise<void> {
    const { where, text } = decideWords(random);
    await measured(life, "say", () => chat.say(where, text));
  }

  const errands: readonly (readonly [share: number, run: () => Promise<void>])[] = [
    [traits.trades, trade],
    [traits.votes, visitCouncil],
    [traits.talks, talk],
  ];
  return {
    async run() {
      for (const [share, run] of errands) {
        if (share > 0 && random() < share) return run();
      }
    },
  };
}

const ownOrder = ({ orderId, side, price }: Order) => ({
  orderId,
  price,
  side: side === WireSide.BUY ? ("buy" as const) : ("sell" as const),
});

const wireSide = (side: Side): WireSide => (side === "buy" ? WireSide.BUY : WireSide.SELL);
