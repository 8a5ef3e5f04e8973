import {
  type Counter,
  type Gauge,
  type Histogram,
  latencyBucketsSeconds,
  type Metrics,
  type Tally,
} from "@hexhold/telemetry";

/** Metrics of a gateway; docs/operations.md lists them. */
export interface GatewayMetrics {
  readonly sockets: Gauge;
  readonly frames: Tally;
  readonly answers: Tally;
  readonly latency: Histogram;
  readonly gathered: Histogram;
  readonly pending: Gauge;
  readonly forged: Counter<"publisher">;
  readonly events: Counter;
  readonly bindings: Gauge;
  readonly resyncs: Counter<"cause">;
  readonly topicEvents: Counter;
  readonly topicBindings: Gauge;
  readonly topicResyncs: Counter<"cause">;
  readonly closes: Counter<"code">;
  readonly auth: Counter<"method" | "outcome">;
}

export function createGatewayMetrics(metrics: Metrics): GatewayMetrics {
  return {
    sockets: metrics.gauge("hexhold_gateway_sockets", "Open connections."),
    frames: metrics.tally("hexhold_gateway_frames_total", "Frames from clients.", "frame"),
    answers: metrics.tally("hexhold_gateway_answers_total", "Answers to commands.", "outcome"),
    latency: metrics.histogram(
      "hexhold_gateway_command_seconds",
      "From a command's frame to its answer.",
      {
        buckets: latencyBucketsSeconds,
      },
    ),
    gathered: metrics.histogram(
      "hexhold_gateway_batch_commands",
      "Commands in a published message.",
      {
        buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
      },
    ),
    pending: metrics.gauge(
      "hexhold_gateway_pending_commands",
      "Commands without a terminal answer.",
    ),
    forged: metrics.counter(
      "hexhold_gateway_forged_total",
      "Announcements that somebody published in another's name.",
      ["publisher"],
    ),
    events: metrics.counter("hexhold_gateway_events_total", "View events sent to clients."),
    bindings: metrics.gauge("hexhold_gateway_bindings", "Regions that the view queue is bound to."),
    resyncs: metrics.counter("hexhold_gateway_resyncs_total", "Full states asked for again.", [
      "cause",
    ]),
    topicEvents: metrics.counter(
      "hexhold_gateway_topic_events_total",
      "Events of topics sent to clients.",
    ),
    topicBindings: metrics.gauge(
      "hexhold_gateway_topic_bindings",
      "Keys of topics that the view queue is bound to.",
    ),
    topicResyncs: metrics.counter(
      "hexhold_gateway_topic_resyncs_total",
      "Listeners sent to read what a topic is about.",
      ["cause"],
    ),
    auth: metrics.counter("hexhold_gateway_auth_total", "Calls of AuthService.", [
      "method",
      "outcome",
    ]),
    closes: metrics.counter("hexhold_gateway_closes_total", "Connections closed by the gateway.", [
      "code",
    ]),
  };
}
