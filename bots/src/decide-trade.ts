/** What a bot does at the market: pure, so that a seed and what was seen say all of it. */
import type { Stance } from "./calling.ts";
import { anyOf, type Random } from "./seeded-random.ts";

export type Side = "buy" | "sell";

/** An own order that rests. */
export interface OpenOrder {
  readonly orderId: Uint8Array;
  readonly side: Side;
  readonly price: bigint;
}

/** What a bot knows of a book and of itself. 0 = there is none. */
export interface MarketSight {
  readonly book: string;
  readonly bestBid: bigint;
  readonly bestAsk: bigint;
  readonly lastPrice: bigint;
  readonly isHalted: boolean;
  /** Goods that are not held. */
  readonly goods: bigint;
  /** Coin that is not held. */
  readonly coin: bigint;
  /** Own orders in this book. */
  readonly orders: readonly OpenOrder[];
  /** What it takes for the price while nothing was traded. */
  readonly guess: bigint;
}

export type TradeStep =
  | {
      readonly kind: "place";
      readonly side: Side;
      readonly price: bigint;
      readonly quantity: bigint;
    }
  | { readonly kind: "cancel"; readonly orderId: Uint8Array };

/** How far from the last price a trader quotes, in thousandths of it. */
export interface Margins {
  readonly buy: number;
  readonly sell: number;
}

export const marginsAtFirst: Margins = { buy: 100, sell: 100 };
const marginMin = 20;
const marginMax = 400;
/** A fill says that it was too good a price, a look without one that it was not good enough. */
const wider = 1.3;
const closer = 0.95;

/** Units of one order at most; goods below this are not worth a listing fee. */
const quantityMax = 12;
const quantityMin = 3;
/** So many own orders of one side rest in a book at once. */
const restingMax = 2;
/** An own order whose price is further from the last one, in thousandths of it, is cancelled. */
const staleAt = 300;

/** Of the looks of a buyer whose hex wants something: the others are for what may be dear later. */
const wantedShare = 0.7;

/**
 * Chooses what to trade in: who sells looks at what it has most of, who buys mostly at what its hex wants, and a trader
 * anywhere. `assets` has at least one.
 */
export function chooseBook<Asset>(
  assets: readonly { readonly each: Asset; readonly goods: bigint }[],
  wanted: readonly Asset[],
  stance: Stance,
  random: Random,
): Asset {
  if (stance === "buys" && wanted.length > 0 && random() < wantedShare)
    return anyOf(wanted, random);
  if (stance !== "sells") return anyOf(assets, random).each;
  const [most] = assets.toSorted((a, b) => Number(b.goods - a.goods));
  return most!.each;
}

/** Decides on an order, or on cancelling one; undefined: nothing is worth it now. */
export function decideTrade(
  sight: MarketSight,
  stance: Stance,
  margins: Margins,
  random: Random,
): TradeStep | undefined {
  const last = sight.lastPrice > 0n ? sight.lastPrice : sight.guess;
  const stale = sight.orders.find(({ price }) => distance(price, last) > staleAt);
  if (stale !== undefined) return { kind: "cancel", orderId: stale.orderId };
  if (sight.isHalted) return undefined;
  if (stance === "quotes") {
    const side: Side = random() < 0.5 ? "buy" : "sell";
    const offset = side === "buy" ? -margins.buy : margins.sell;
    return order(sight, side, thousandths(last, 1000 + offset, random), random);
  }
  const side: Side = stance === "buys" ? "buy" : "sell";
  const wish = side === "buy" ? 900 + random() * 350 : 800 + random() * 350;
  const price = thousandths(last, wish, random);
  const best = side === "buy" ? sight.bestAsk : sight.bestBid;
  // What is there already is taken at its own price.
  const isGood = best > 0n && (side === "buy" ? best <= price : best >= price);
  return order(sight, side, isGood ? best : price, random);
}

function order(
  { orders, goods, coin }: MarketSight,
  side: Side,
  price: bigint,
  random: Random,
): TradeStep | undefined {
  if (orders.filter((each) => each.side === side).length >= restingMax) return undefined;
  const wanted = quantityMin + Math.floor(random() * (quantityMax - quantityMin + 1));
  // The fee is a small part of the price, and one coin at least.
  const fee = (price * BigInt(wanted)) / 50n + 1n;
  const most = side === "buy" ? (coin - fee) / price : coin < fee ? 0n : goods;
  const quantity = most < BigInt(wanted) ? most : BigInt(wanted);
  return quantity < BigInt(quantityMin) ? undefined : { kind: "place", side, price, quantity };
}

/** What a trader makes of a look: of each side whether an own order was filled since the look before. */
export function learned(before: Margins, filled: Readonly<Record<Side, boolean>>): Margins {
  const next = (margin: number, isFilled: boolean): number =>
    Math.min(marginMax, Math.max(marginMin, margin * (isFilled ? wider : closer)));
  return { buy: next(before.buy, filled.buy), sell: next(before.sell, filled.sell) };
}

/**
 * A whole price of at most three digits that count, at least 1. What lies between two prices is one of them by chance: else
 * one of 2 coin would be 2 for ever.
 */
function thousandths(price: bigint, perMille: number, random: Random): bigint {
  const exact = (Number(price) * perMille) / 1000;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(exact, 1))) - 2);
  return BigInt(Math.max(1, Math.floor(exact / unit + random()) * unit));
}

/** In thousandths of `last`. */
function distance(price: bigint, last: bigint): number {
  return (Math.abs(Number(price - last)) * 1000) / Number(last);
}
