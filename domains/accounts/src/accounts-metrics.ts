import {
  type Counter,
  type Histogram,
  latencyBucketsSeconds,
  type Metrics,
} from "@hexhold/telemetry";

/** Metrics of the accounts service; docs/operations.md lists them. */
export interface AccountsMetrics {
  readonly commands: Counter<"type" | "outcome">;
  readonly handling: Histogram;
  readonly spawned: Counter;
  readonly thefts: Counter;
}

export function createAccountsMetrics(metrics: Metrics): AccountsMetrics {
  return {
    commands: metrics.counter("hexhold_accounts_commands_total", "Commands answered.", [
      "type",
      "outcome",
    ]),
    handling: metrics.histogram(
      "hexhold_accounts_handling_seconds",
      "From a command to its answer.",
      { buckets: latencyBucketsSeconds },
    ),
    spawned: metrics.counter("hexhold_accounts_spawned_total", "Players brought into the world."),
    thefts: metrics.counter(
      "hexhold_accounts_token_reuse_total",
      "Refresh tokens that came a second time; their logins were ended.",
    ),
  };
}
