import {
  Counter,
  type CounterConfiguration,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  Registry,
  collectDefaultMetrics,
} from "prom-client";

export type { Counter, Gauge, Histogram };

export interface GaugeOptions<Label extends string> {
  readonly labels?: readonly Label[];
  /** Called at each scrape, to set the gauge then instead of at each change. */
  readonly collect?: (gauge: Gauge<Label>) => void | Promise<void>;
}

/** A counter with one label, for what happens at every command: see {@link Metrics.tally}. */
export interface Tally {
  /** One more with this value of the label. */
  inc(value: string): void;
}

export interface HistogramOptions<Label extends string> {
  readonly labels?: readonly Label[];
  /** Upper bounds, rising, in the unit of the name. */
  readonly buckets: readonly number[];
}

/**
 * The metrics of one service. Asking twice for a name gives the same metric, so a library needs no
 * hand-over; the same name with another kind or other labels is a programming error and throws.
 * Every combination of label values is a series for ever: never label by hex, account or request. A gauge
 * that is reset before it is set has no more series than were set last: there, a fixed number of them may be.
 */
export interface Metrics {
  /** @param name ends in `_total`. */
  counter<Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
  ): Counter<Label>;
  /**
   * A counter that adds up in a map of its own and is brought forward at each scrape: raising a counter by its
   * labels costs ten times as much.
   * @param name ends in `_total`.
   */
  tally(name: string, help: string, label: string): Tally;
  /** @param name ends in its unit, never in `_total`. */
  gauge<Label extends string = never>(
    name: string,
    help: string,
    options?: GaugeOptions<Label>,
  ): Gauge<Label>;
  /** @param name ends in its unit: `_seconds`, `_bytes`. */
  histogram<Label extends string = never>(
    name: string,
    help: string,
    options: HistogramOptions<Label>,
  ): Histogram<Label>;
  /** Everything in the text format of Prometheus, for `GET /metrics`. */
  metricsText(): Promise<string>;
  /** Value of the header `content-type` for `metricsText`. */
  readonly contentType: string;
}

/** From half a millisecond to ten seconds, in seconds: for everything a player waits for. */
export const latencyBucketsSeconds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** `promtool check metrics` refuses these: gauges whose name ends in `_total`. */
const rejectedDefaults = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/** @param options.processMetrics CPU, memory, descriptors, event loop, garbage collection of this process (default true). */
export function createMetrics(options: { readonly processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (options.processMetrics ?? true) {
    collectDefaultMetrics({ register: registry });
    for (const name of rejectedDefaults) registry.removeSingleMetric(name);
  }
  const known = new Map<string, { readonly shape: string; readonly metric: unknown }>();

  function once<Metric>(name: string, shape: string, make: () => Metric): Metric {
    const before = known.get(name);
    if (before === undefined) {
      const metric = make();
      known.set(name, { shape, metric });
      return metric;
    }
    if (before.shape !== shape) {
      throw new Error(`metric ${name}: declared as ${before.shape} before, now as ${shape}`);
    }
    return before.metric as Metric;
  }

  return {
    counter(name, help, labels = []) {
      const configuration: CounterConfiguration<(typeof labels)[number]> = {
        name,
        help,
        labelNames: [...labels],
        registers: [registry],
      };
      return once(name, `counter(${labels.join()})`, () => new Counter(configuration));
    },
    tally(name, help, label) {
      return once(name, `tally(${label})`, () => {
        const counts = new Map<string, number>();
        const counter: Counter = new Counter({
          name,
          help,
          labelNames: [label],
          registers: [registry],
          collect() {
            for (const [value, count] of counts) counter.inc({ [label]: value }, count);
            counts.clear();
          },
        });
        return { inc: (value) => void counts.set(value, (counts.get(value) ?? 0) + 1) };
      });
    },
    gauge(name, help, { labels = [], collect } = {}) {
      return once(name, `gauge(${labels.join()})`, () => {
        const configuration: GaugeConfiguration<(typeof labels)[number]> = {
          name,
          help,
          labelNames: [...labels],
          registers: [registry],
        };
        if (collect === undefined) return new Gauge(configuration);
        const gauge: Gauge<(typeof labels)[number]> = new Gauge({
          ...configuration,
          collect: () => collect(gauge),
        });
        return gauge;
      });
    },
    histogram(name, help, { labels = [], buckets }) {
      const configuration = {
        name,
        help,
        labelNames: [...labels],
        buckets: [...buckets],
        registers: [registry],
      };
      return once(name, `histogram(${labels.join()})`, () => new Histogram(configuration));
    },
    metricsText: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
