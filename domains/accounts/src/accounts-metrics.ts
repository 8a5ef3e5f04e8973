import {
  type Counter,
  type Gauge,
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
  readonly sessions: Gauge;
  readonly presencesWaiting: Gauge;
  readonly presencesSettled: Counter<"outcome">;
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
    sessions: metrics.gauge("hexhold_accounts_sessions", "Sessions that gateways hold."),
    presencesWaiting: metrics.gauge(
      "hexhold_accounts_presences_waiting",
      "Players without a session that are not known to be offline yet.",
    ),
    presencesSettled: metrics.counter(
      "hexhold_accounts_presences_settled_total",
      "Players without a session that are offline, or were replaced.",
      ["outcome"],
    ),
  };
}
