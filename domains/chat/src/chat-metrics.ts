import {
  type Counter,
  type Gauge,
  type Histogram,
  latencyBucketsSeconds,
  type Metrics,
} from "@hexhold/telemetry";

/** Metrics of chat; docs/operations.md lists them. */
export interface ChatMetrics {
  /** `channel`: `world`, `hex`, `whisper`. */
  readonly messages: Counter<"channel">;
  readonly refused: Counter<"reason">;
  /** From the gateway's taking of a message to its way to the listeners, in seconds. */
  readonly fanOut: Histogram;
  readonly masked: Counter;
  /** `cause`: `slow`, `failed`. */
  readonly filterFailures: Counter<"cause">;
  /** `by`: `service`, `operator`. */
  readonly mutes: Counter<"by">;
  readonly reports: Counter;
  readonly removed: Counter;
  readonly openReports: Gauge;
}

/** @param count sets the gauge at each scrape. */
export function createChatMetrics(
  metrics: Metrics,
  count: { readonly openReports: (gauge: Gauge) => Promise<void> },
): ChatMetrics {
  return {
    messages: metrics.counter("hexhold_chat_messages_total", "Messages that were said.", [
      "channel",
    ]),
    refused: metrics.counter("hexhold_chat_refused_total", "Messages that were refused.", [
      "reason",
    ]),
    fanOut: metrics.histogram(
      "hexhold_chat_fan_out_seconds",
      "From the gateway's taking of a message to its way to the listeners.",
      { buckets: latencyBucketsSeconds },
    ),
    masked: metrics.counter("hexhold_chat_masked_total", "Messages with masked words."),
    filterFailures: metrics.counter(
      "hexhold_chat_filter_failures_total",
      "Texts that the filter has not looked at in time.",
      ["cause"],
    ),
    mutes: metrics.counter("hexhold_chat_mutes_total", "Accounts that were muted.", ["by"]),
    reports: metrics.counter("hexhold_chat_reports_total", "Messages that were reported."),
    removed: metrics.counter("hexhold_chat_removed_total", "Messages that were removed."),
    openReports: metrics.gauge("hexhold_chat_reports_open", "Reports that nobody has dealt with.", {
      collect: count.openReports,
    }),
  };
}
