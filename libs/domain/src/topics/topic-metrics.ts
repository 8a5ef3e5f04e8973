import type { Counter, Metrics } from "@hexhold/telemetry";

/** Metrics of services that tell players what they do; docs/operations.md lists them. */
export interface TopicMetrics {
  /** `audience`: `player`, `topic`. */
  readonly events: Counter<"service" | "audience">;
}

export function createTopicMetrics(metrics: Metrics): TopicMetrics {
  return {
    events: metrics.counter("hexhold_domain_topic_events_total", "Events sent to players.", [
      "service",
      "audience",
    ]),
  };
}
