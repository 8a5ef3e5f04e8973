export { createLineWriter, type LineWriter } from "./line-writer.ts";
export { isLoggedFailure } from "./logged-failure.ts";
export {
  type LogBindings,
  type LogDestination,
  type LogLevel,
  type Logger,
  type LoggerOptions,
  childLogger,
  createLogger,
} from "./logger.ts";
export {
  type Counter,
  type Gauge,
  type GaugeOptions,
  type Histogram,
  type HistogramOptions,
  type Metrics,
  type Tally,
  createMetrics,
  latencyBucketsSeconds,
} from "./metrics.ts";
export {
  type TraceContext,
  childTraceparent,
  formatTraceparent,
  newTraceparent,
  parseTraceparent,
} from "./traceparent.ts";
