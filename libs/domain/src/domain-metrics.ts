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
  readonly handling: Histogram<"service">;
  readonly outboxSent: Counter<"service" | "destination">;
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
    handling: metrics.histogram(
      "hexhold_domain_handling_seconds",
      "From a delivery to its ack, a queue message.",
      { labels: ["service"], buckets: latencyBucketsSeconds },
    ),
    outboxSent: metrics.counter("hexhold_domain_outbox_sent_total", "Outbox rows confirmed.", [
      "service",
      "destination",
    ]),
  };
}
