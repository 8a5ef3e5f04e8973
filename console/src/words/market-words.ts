/** Orders and prices in words. Pure. */
import {
  type Candle,
  type Order,
  OrderState,
  Side,
  Span,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { amountWords } from "./number-words.ts";

export type OrderField = "price" | "quantity";

export interface OrderFault {
  readonly field: OrderField;
  readonly words: string;
}

const priceMax = 1_000_000_000n;
const quantityMax = 1_000_000n;

/** What is wrong with an order before it is sent, by the field rules of its contract; undefined: nothing. */
export function orderFault(
  price: bigint | undefined,
  quantity: bigint | undefined,
): OrderFault | undefined {
  if (quantity === undefined || quantity < 1n) {
    return { field: "quantity", words: "How many is a whole number, 1 or more." };
  }
  if (quantity > quantityMax) {
    return { field: "quantity", words: `One order is for at most ${amountWords(quantityMax)}.` };
  }
  if (price === undefined || price < 1n) {
    return { field: "price", words: "The price is a whole number of coin, 1 or more." };
  }
  if (price > priceMax) {
    return { field: "price", words: `The price is at most ${amountWords(priceMax)} coin.` };
  }
  return undefined;
}

export function sideWords(side: Side): string {
  return side === Side.BUY ? "Buy" : "Sell";
}

/** "Buy 20 wood at 12" */
export function orderWords({ side, quantity, book, price }: Order): string {
  return `${sideWords(side)} ${amountWords(quantity)} ${book} at ${amountWords(price)}`;
}

export function isEnded({ state }: Order): boolean {
  return state !== OrderState.RESERVING && state !== OrderState.OPEN;
}

/** What became of an order so far. */
export function orderStateWords(order: Order): string {
  const { state, filled, quantity, endedReason, wantEnd } = order;
  const part = filled > 0n ? `${amountWords(filled)} of ${amountWords(quantity)} done` : "";
  const at = filled > 0n ? ` at ${amountWords(order.averagePrice)}` : "";
  switch (state) {
    case OrderState.RESERVING:
      return wantEnd ? "is being cancelled" : "is being placed";
    case OrderState.OPEN:
      return part === "" ? "open" : `open, ${part}${at}`;
    case OrderState.FILLED:
      return `done${at}`;
    default: {
      const why = endedWords(endedReason);
      return part === "" ? why : `${part}${at}, then ${why}`;
    }
  }
}

const endings: Readonly<Record<string, string>> = {
  cancelled: "cancelled",
  expired: "run out of time",
  "self-trade": "ended: it would have met another order of yours",
  "not-filled": "ended: nothing was there for it",
  "too-long": "ended: it met too many others",
  halted: "ended: the market was closed",
  operator: "ended by those who run the world",
  "insufficient-coin": "not placed: you do not have the coin",
  "insufficient-goods": "not placed: you do not have the goods, or the coin for the fee",
  "gave-up": "not placed: the inventory could not be reached",
};

/** Why an order has ended; a reason that this page does not know is told as an end. */
export function endedWords(reason: string): string {
  return endings[reason] ?? "ended";
}

export const spans = [
  [Span.MINUTE, "1 min"],
  [Span.HOUR, "1 h"],
  [Span.DAY, "1 d"],
] as const;

/** The chart for who does not see it. `candles`: the newest first. */
export function chartWords(book: string, candles: readonly Candle[]): string {
  const newest = candles[0];
  if (newest === undefined) return `No ${book} was traded yet.`;
  const low = candles.reduce(
    (least, candle) => (candle.low < least ? candle.low : least),
    newest.low,
  );
  const high = candles.reduce(
    (most, candle) => (candle.high > most ? candle.high : most),
    newest.high,
  );
  return `Price of ${book}: ${amountWords(newest.close)} coin now, between ${amountWords(low)} and ${amountWords(high)} before.`;
}
