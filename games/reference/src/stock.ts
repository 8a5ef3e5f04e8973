/** Stocks of a hex: how much lay there at a moment, and what has grown since. */
import { create } from "@bufbuild/protobuf";
import { type Resource, type Stock, StockSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import type { Growth } from "./formulas.ts";

/** The stock of `resource` as it stands at `nowMs`: what is absent is full, what was taken grows back. */
export function stockAt(
  stocks: readonly Stock[],
  resource: Resource,
  nowMs: number,
  growth: Growth,
): bigint {
  const stock = stocks.find((item) => item.resource === resource);
  const capacity = growth.capacityOf(resource);
  if (stock === undefined) return capacity;
  const elapsed = BigInt(nowMs) - stock.asOfMs;
  if (elapsed <= 0n) return stock.amount;
  const amount = stock.amount + (elapsed * capacity) / BigInt(growth.regrowthMs);
  return amount < capacity ? amount : capacity;
}

/** Time until `amount` units of a stock are there, in milliseconds; 0 = they are, or never will be. */
export function msUntil(
  stocks: readonly Stock[],
  resource: Resource,
  amount: bigint,
  nowMs: number,
  growth: Growth,
): number {
  const missing = amount - stockAt(stocks, resource, nowMs, growth);
  const capacity = growth.capacityOf(resource);
  if (missing <= 0n || amount > capacity) return 0;
  return Number((missing * BigInt(growth.regrowthMs) + capacity - 1n) / capacity);
}

/** All stocks as they stand at `nowMs`. */
export function stocksAt(stocks: readonly Stock[], nowMs: number, growth: Growth): Stock[] {
  return growth.resources.map((resource) =>
    create(StockSchema, {
      resource,
      amount: stockAt(stocks, resource, nowMs, growth),
      asOfMs: BigInt(nowMs),
    }),
  );
}

/** The list, sorted by resource, with `stock` in it. */
export function withStock(stocks: Stock[], stock: Stock): Stock[] {
  const at = stocks.findIndex((item) => item.resource >= stock.resource);
  if (at < 0) return [...stocks, stock];
  return stocks[at]!.resource === stock.resource
    ? stocks.with(at, stock)
    : stocks.toSpliced(at, 0, stock);
}
