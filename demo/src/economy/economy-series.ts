/** Prices and levels by the second. Pure. */
import type { EconomySecond } from "./economy-result.ts";

/** A trade. */
export interface PriceMark {
  readonly book: string;
  readonly price: number;
  /** Unix milliseconds. */
  readonly atMs: number;
}

/**
 * Of each second from `sinceMs` on what held at its end. `trades` and `risesMs` (of levels) in the order of their times;
 * what was before counts as well.
 */
export function seriesOf(
  trades: readonly PriceMark[],
  risesMs: readonly number[],
  sinceMs: number,
  seconds: number,
): EconomySecond[] {
  const series: EconomySecond[] = [];
  const prices: Record<string, number> = {};
  let trade = 0;
  let levels = 0;
  for (let second = 0; second < Math.round(seconds); second++) {
    const untilMs = sinceMs + (second + 1) * 1000;
    for (; trade < trades.length && trades[trade]!.atMs < untilMs; trade++) {
      const { book, price } = trades[trade]!;
      prices[book] = price;
    }
    while (levels < risesMs.length && risesMs[levels]! < untilMs) levels++;
    series.push({ second, prices: { ...prices }, levels });
  }
  return series;
}
