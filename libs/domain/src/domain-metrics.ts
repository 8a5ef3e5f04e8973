import {
  type Counter,
  type Histogram,
  latencyBucketsSeconds,
  type Metrics,
} from "@hexhold/telemetry";

/** Metrics of all domain services, by `service`; docs/operations.md lists them. */
export interface DomainMetrics {
  readonly messages: Counter<"service" | "outcome">;
  readonly retries: Counter<"service" | "cause">;
  readonly deadLetters: Counter<"service">;
  readonly forged: Counter<"service" | "publisher">;
  readonly deadlocks: Counter<"service">;
  readonly secondLines: Counter<"service" | "check">;
  readonly handling: Histogram<"service">;
  readonly outboxSent: Counter<"service" | "destination">;
  readonly outboxHeldUp: Counter<"service" | "destination">;
  readonly timers: Counter<"service" | "kind">;
  readonly timerFailures: Counter<"service" | "kind">;
  readonly timerLateness: Histogram<"service" | "kind">;
}

export function createDomainMetrics(metrics: Metrics): DomainMetrics {
  return {
    messages: metrics.counter("hexhold_domain_messages_total", "Messages finished.", [
      "service",
      "outcome",
    ]),
    retries: metrics.counter("hexhold_domain_retries_total", "Attempts that failed.", [
      "service",
      "cause",
    ]),
    deadLetters: metrics.counter("hexhold_domain_dead_letters_total", "Messages given up.", [
      "service",
    ]),
    forged: metrics.counter(
      "hexhold_domain_forged_total",
      "Messages that somebody published in another's name.",
      ["service", "publisher"],
    ),
    deadlocks: metrics.counter(
      "hexhold_domain_deadlocks_total",
      "Transactions that PostgreSQL ended because they waited for each other.",
      ["service"],
    ),
    secondLines: metrics.counter(
      "hexhold_domain_second_lines_total",
      "Checks of the database that refused what was decided.",
      ["service", "check"],
    ),
    handling: metrics.histogram(
      "hexhold_domain_handling_seconds",
      "From a delivery to its ack, a queue message.",
      { labels: ["service"], buckets: latencyBucketsSeconds },
    ),
    outboxSent: metrics.counter("hexhold_domain_outbox_sent_total", "Outbox rows confirmed.", [
      "service",
      "destination",
    ]),
    outboxHeldUp: metrics.counter(
      "hexhold_domain_outbox_held_up_total",
      "Stretches of outbox rows that were not confirmed, or have no way.",
      ["service", "destination"],
    ),
    timers: metrics.counter("hexhold_domain_timers_total", "Timers handled.", ["service", "kind"]),
    timerFailures: metrics.counter(
      "hexhold_domain_timer_failures_total",
      "Attempts at a timer that failed.",
      ["service", "kind"],
    ),
    timerLateness: metrics.histogram(
      "hexhold_domain_timer_lateness_seconds",
      "From the moment for which a timer was armed to its commit, the latest of each batch.",
      { labels: ["service", "kind"], buckets: latencyBucketsSeconds },
    ),
  };
}
