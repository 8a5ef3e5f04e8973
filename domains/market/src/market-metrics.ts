import type { Counter, Gauge, Metrics } from "@hexhold/telemetry";

/** Metrics of the market; docs/operations.md lists them. */
export interface MarketMetrics {
  /** `event`: `placed`, or the state that an order came to. */
  readonly orders: Counter<"book" | "event">;
  readonly trades: Counter<"book">;
  readonly units: Counter<"book">;
  readonly reloads: Counter<"cause">;
  readonly reserving: Gauge<"age">;
}

/** @param countReserving sets the gauge at each scrape. */
export function createMarketMetrics(
  metrics: Metrics,
  countReserving: (gauge: Gauge<"age">) => Promise<void>,
): MarketMetrics {
  return {
    orders: metrics.counter("hexhold_market_orders_total", "Orders by what became of them.", [
      "book",
      "event",
    ]),
    trades: metrics.counter("hexhold_market_trades_total", "Trades.", ["book"]),
    units: metrics.counter("hexhold_market_units_total", "Units that changed hands.", ["book"]),
    reloads: metrics.counter("hexhold_market_reloads_total", "Books read from PostgreSQL.", [
      "cause",
    ]),
    reserving: metrics.gauge(
      "hexhold_market_reserving",
      "Orders whose escrow is being asked for, by how long it has been.",
      { labels: ["age"], collect: countReserving },
    ),
  };
}
