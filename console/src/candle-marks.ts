/** Candles as marks of a picture. Pure. */
import type { Candle } from "@hexhold/gen/hexhold/market/v1/commands_pb";

export interface ChartScale {
  readonly width: number;
  readonly height: number;
  /** Of more the newest are shown. */
  readonly candlesMax: number;
}

/** Places from the left and from the top. */
export interface CandleMark {
  readonly atMs: string;
  /** It closed no lower than it opened. */
  readonly isUp: boolean;
  readonly x: number;
  readonly width: number;
  /** The wick. */
  readonly top: number;
  readonly bottom: number;
  readonly bodyTop: number;
  readonly bodyHeight: number;
}

/** Of fewer candles each is as wide as if there were so many. */
const columnsMin = 12;
/** Room above the highest price and below the lowest. */
const marginPx = 6;
const bodyMin = 2;

/** @param candles the newest first, as the market gives them; the marks are the oldest first */
export function candleMarks(
  candles: readonly Candle[],
  { width, height, candlesMax }: ChartScale,
): { readonly marks: readonly CandleMark[]; readonly low: bigint; readonly high: bigint } {
  const shown = candles.slice(0, candlesMax).toReversed();
  const first = shown[0];
  if (first === undefined) return { marks: [], low: 0n, high: 0n };
  let { low, high } = first;
  for (const candle of shown) {
    if (candle.low < low) ({ low } = candle);
    if (candle.high > high) ({ high } = candle);
  }
  // Prices are at most 10⁹: exact as doubles.
  const range = Math.max(Number(high - low), 1);
  const y = (price: bigint): number =>
    height - marginPx - (Number(price - low) / range) * (height - 2 * marginPx);
  const step = width / Math.max(shown.length, Math.min(columnsMin, candlesMax));
  const left = width - step * shown.length;
  const marks = shown.map(({ atMs, open, close, high: most, low: least }, nth) => {
    const bodyTop = y(open > close ? open : close);
    return {
      atMs: String(atMs),
      isUp: close >= open,
      x: left + step * nth + step * 0.18,
      width: step * 0.64,
      top: y(most),
      bottom: y(least),
      bodyTop,
      bodyHeight: Math.max(y(open > close ? close : open) - bodyTop, bodyMin),
    };
  });
  return { marks, low, high };
}
