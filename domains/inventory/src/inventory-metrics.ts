import { type Counter, type Gauge, type Histogram, type Metrics } from "@hexhold/telemetry";

/** What the inventory counts beside what every domain service does; docs/operations.md lists them. */
export interface InventoryMetrics {
  readonly steps: Counter<"step" | "answer">;
  readonly forgottenSteps: Counter<"step">;
  readonly transactions: Counter<"kind">;
  readonly transactionLag: Histogram<"kind">;
}

/** From a commit on the same machine to what an outage leaves behind. */
const lagBucketsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** @param countHolds sets the gauge of open holds at each scrape; undefined: nobody counts them. */
export function createInventoryMetrics(
  metrics: Metrics,
  countHolds?: (gauge: Gauge) => Promise<void>,
): InventoryMetrics {
  if (countHolds !== undefined) {
    metrics.gauge("hexhold_inventory_holds_open", "Holds with something left in them.", {
      collect: countHolds,
    });
  }
  return {
    steps: metrics.counter("hexhold_inventory_steps_total", "Asked steps that were answered.", [
      "step",
      "answer",
    ]),
    forgottenSteps: metrics.counter(
      "hexhold_inventory_forgotten_steps_total",
      "Steps older than the records of steps: neither done nor refused.",
      ["step"],
    ),
    transactionLag: metrics.histogram(
      "hexhold_inventory_transaction_lag_seconds",
      "From the moment of a transaction's cause to its commit.",
      { labels: ["kind"], buckets: lagBucketsSeconds },
    ),
    transactions: metrics.counter(
      "hexhold_inventory_transactions_total",
      "Transactions that the ledger has taken.",
      ["kind"],
    ),
  };
}
