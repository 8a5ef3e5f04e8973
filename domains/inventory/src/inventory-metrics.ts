import type { Counter, Metrics } from "@hexhold/telemetry";

/** What the inventory counts beside what every domain service does; docs/operations.md lists them. */
export interface InventoryMetrics {
  readonly steps: Counter<"step" | "answer">;
  readonly forgottenSteps: Counter<"step">;
  readonly transactions: Counter<"kind">;
}

export function createInventoryMetrics(metrics: Metrics): InventoryMetrics {
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
    transactions: metrics.counter(
      "hexhold_inventory_transactions_total",
      "Transactions that the ledger has taken.",
      ["kind"],
    ),
  };
}
