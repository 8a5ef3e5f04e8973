/** Prices, fees and taxes. Pure, and in whole numbers: what is paid is rounded up, what is taken out of a pay is rounded down. */
import type { Side } from "./order.ts";

/** The asset that every price is in. */
export const coin = "coin";

export const priceMax = 1_000_000_000n;
export const quantityMax = 1_000_000n;
/** Of price times quantity: with it no sum of an order leaves int64, whatever the rates. */
export const valueMax = 1_000_000_000_000n;

/** A price has at most so many significant digits, so that outbidding costs at least 0.1 %. */
const significantDigits = 3;
const significantMax = 10n ** BigInt(significantDigits);

export function isOnTick(price: bigint): boolean {
  let rest = price;
  while (rest >= significantMax) {
    if (rest % 10n !== 0n) return false;
    rest /= 10n;
  }
  return true;
}

export function isTooLarge(price: bigint, quantity: bigint): boolean {
  return price * quantity > valueMax;
}

/** Coin that placing an order costs, rounded up and at least 1. */
export function listingFee(price: bigint, quantity: bigint, perMille: bigint): bigint {
  const fee = (perMille * price * quantity + 999n) / 1000n;
  return fee > 1n ? fee : 1n;
}

/** Coin that is burned out of what a seller gets for a trade, rounded down. */
export function salesTax(price: bigint, quantity: bigint, perMille: bigint): bigint {
  return (perMille * price * quantity) / 1000n;
}

/** What must be in escrow for `units` of an order: coin at the order's own limit, or goods. */
export function need(side: Side, limit: bigint, units: bigint): bigint {
  return side === "buy" ? limit * units : units;
}
