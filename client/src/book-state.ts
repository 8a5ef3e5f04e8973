/** The best levels of a book, as far as it was read, and what events make of them. Pure. */
import type { BookView } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import type { BookChanged } from "@hexhold/gen/hexhold/market/v1/events_pb";

export interface BookLevel {
  readonly price: bigint;
  readonly quantity: bigint;
}

export interface BookState {
  readonly book: string;
  readonly version: bigint;
  /** The dearest first, at most 50. */
  readonly bids: readonly BookLevel[];
  /** The cheapest first, at most 50. */
  readonly asks: readonly BookLevel[];
  /** Of the newest trade; 0 = there was none. */
  readonly lastPrice: bigint;
  readonly isHalted: boolean;
}

/** Levels of each side that a reading has at most: worse ones are not known. */
export const levelsMax = 50;
/** Fewer known levels than that, of a side that has more: it is read again. */
const levelsMin = 20;

type Side = "bids" | "asks";

export function bookState({ book, version, bids, asks, lastPrice, halted }: BookView): BookState {
  const levels = (from: BookView["bids"]): BookLevel[] =>
    from.map(({ price, quantity }) => ({ price, quantity }));
  return {
    book,
    version,
    bids: levels(bids),
    asks: levels(asks),
    lastPrice,
    isHalted: halted,
  };
}

/**
 * The worst price that is known of each side; undefined: all are. Kept beside the state, from one reading to the next.
 */
export type Horizon = Readonly<Record<Side, bigint | undefined>>;

export function horizonOf({ bids, asks }: BookState): Horizon {
  const worst = (levels: readonly BookLevel[]): bigint | undefined =>
    levels.length < levelsMax ? undefined : levels.at(-1)!.price;
  return { bids: worst(bids), asks: worst(asks) };
}

export function withChange(
  state: BookState,
  horizon: Horizon,
  event: BookChanged,
): BookState | "old" | "hole" {
  if (event.version <= state.version) return "old";
  if (event.afterVersion > state.version) return "hole";
  const bids = sideWith("bids", state.bids, horizon.bids, event.bids);
  const asks = sideWith("asks", state.asks, horizon.asks, event.asks);
  if (bids === undefined || asks === undefined) return "hole";
  const lastPrice = event.trades.at(-1)?.price ?? state.lastPrice;
  const { book, version, halted } = event;
  return { book, version, bids, asks, lastPrice, isHalted: halted };
}

/** Undefined: too few are known. */
function sideWith(
  side: Side,
  levels: readonly BookLevel[],
  horizon: bigint | undefined,
  changed: readonly BookLevel[],
): BookLevel[] | undefined {
  const isWorse = (a: bigint, b: bigint): boolean => (side === "bids" ? a < b : a > b);
  const byPrice = new Map(levels.map(({ price, quantity }) => [price, quantity]));
  for (const { price, quantity } of changed) {
    if (horizon !== undefined && isWorse(price, horizon)) continue;
    if (quantity === 0n) byPrice.delete(price);
    else byPrice.set(price, quantity);
  }
  if (horizon !== undefined && byPrice.size < levelsMin) return undefined;
  return [...byPrice]
    .map(([price, quantity]) => ({ price, quantity }))
    .toSorted((a, b) => (isWorse(a.price, b.price) ? 1 : -1));
}
