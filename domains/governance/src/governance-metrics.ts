import type { Counter, Gauge, Metrics } from "@hexhold/telemetry";

/** Metrics of governance; docs/operations.md lists them. */
export interface GovernanceMetrics {
  /** `event`: `called`, `won`, or `failed`. */
  readonly elections: Counter<"event">;
  readonly ballots: Counter;
  readonly contributions: Counter;
  /** Owners that hexes say they have and that nobody here has named. */
  readonly unknownOwners: Counter;
  readonly open: Gauge;
  readonly unapplied: Gauge<"age">;
}

/** @param count sets both gauges at each scrape. */
export function createGovernanceMetrics(
  metrics: Metrics,
  count: {
    readonly open: (gauge: Gauge) => Promise<void>;
    readonly unapplied: (gauge: Gauge<"age">) => Promise<void>;
  },
): GovernanceMetrics {
  return {
    elections: metrics.counter(
      "hexhold_governance_elections_total",
      "Elections by what became of them.",
      ["event"],
    ),
    ballots: metrics.counter("hexhold_governance_ballots_total", "Votes that were cast."),
    contributions: metrics.counter(
      "hexhold_governance_contributions_total",
      "Contributions that were counted.",
    ),
    unknownOwners: metrics.counter(
      "hexhold_governance_unknown_owners_total",
      "Owners that hexes have taken and no election has named.",
    ),
    open: metrics.gauge("hexhold_governance_elections_open", "Elections that are open.", {
      collect: count.open,
    }),
    unapplied: metrics.gauge(
      "hexhold_governance_unapplied",
      "Owners that their hexes have not taken yet, by how long it has been.",
      { labels: ["age"], collect: count.unapplied },
    ),
  };
}
