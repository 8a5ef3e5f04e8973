import { create } from "@bufbuild/protobuf";
import type { Gathered, LevelRaised } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import {
  type HexState,
  Resource,
  type Stock,
  StockSchema,
} from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { grown, type ReferenceOptions } from "./options.ts";
import type { ReferenceParts } from "./reference-parts.ts";

/** What can be gathered, in the order of the state's list. */
export const resources = [Resource.WOOD, Resource.STONE, Resource.FOOD] as const;

/** T(L): time in which a stock grows from empty to full. */
export function regrowthMs(level: number, options: ReferenceOptions): number {
  return Math.max(grown(options.regrowthBaseMs, options.regrowthFactorPerMille, level), 1);
}

/** The stock of `resource` as it stands at `nowMs`: what is absent is full, what was taken grows back. */
export function stockAt(
  state: HexState,
  resource: Resource,
  nowMs: number,
  options: ReferenceOptions,
): bigint {
  const stock = state.stocks.find((item) => item.resource === resource);
  const capacity = BigInt(options.stockCapacity);
  if (stock === undefined) return capacity;
  const elapsed = BigInt(nowMs) - stock.asOfMs;
  if (elapsed <= 0n) return stock.amount;
  const amount = stock.amount + (elapsed * capacity) / BigInt(regrowthMs(state.level, options));
  return amount < capacity ? amount : capacity;
}

/** Time until `amount` units of a stock are there, in milliseconds; 0 = they are. */
export function msUntil(
  state: HexState,
  resource: Resource,
  amount: bigint,
  nowMs: number,
  options: ReferenceOptions,
): number {
  const missing = amount - stockAt(state, resource, nowMs, options);
  if (missing <= 0n) return 0;
  const capacity = BigInt(options.stockCapacity);
  return Number((missing * BigInt(regrowthMs(state.level, options)) + capacity - 1n) / capacity);
}

/** All stocks as they stand at `nowMs`. */
export function stocksAt(state: HexState, nowMs: number, options: ReferenceOptions): Stock[] {
  return resources.map((resource) =>
    create(StockSchema, {
      resource,
      amount: stockAt(state, resource, nowMs, options),
      asOfMs: BigInt(nowMs),
    }),
  );
}

/** Less of what was gathered lies in the hex, which has learnt as much. */
export function withGathered(
  { durable, volatile }: ReferenceParts,
  event: Gathered,
): ReferenceParts {
  const { resource, amount, left, atMs } = event;
  const stock = create(StockSchema, { resource, amount: left, asOfMs: atMs });
  const { xp, stocks } = durable;
  return {
    durable: { ...durable, xp: xp + amount, stocks: withStock(stocks, stock) },
    volatile,
  };
}

/** A new level begins with the stocks as they stood: from now on they grow at another pace. */
export function withLevel(
  { durable, volatile }: ReferenceParts,
  event: LevelRaised,
): ReferenceParts {
  const { level, xp } = event;
  const stocks = event.stocks.reduce(withStock, durable.stocks);
  return { durable: { ...durable, level, xp, stocks }, volatile };
}

function withStock(stocks: Stock[], stock: Stock): Stock[] {
  const at = stocks.findIndex((item) => item.resource >= stock.resource);
  if (at < 0) return [...stocks, stock];
  return stocks[at]!.resource === stock.resource
    ? stocks.with(at, stock)
    : stocks.toSpliced(at, 0, stock);
}
