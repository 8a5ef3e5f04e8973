import { create } from "@bufbuild/protobuf";
import {
  type HexState,
  Resource,
  type Stock,
  StockSchema,
} from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { grown, type ReferenceOptions } from "./options.ts";

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
