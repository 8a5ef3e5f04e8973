import {
  type Counter,
  type Gauge,
  type Histogram,
  latencyBucketsSeconds,
  type Metrics,
  type Tally,
} from "@hexhold/telemetry";

/** Metrics of a worker; docs/operations.md lists them. */
export interface WorkerMetrics {
  readonly commands: Tally;
  readonly batchSize: Histogram;
  readonly handling: Histogram;
  readonly commit: Histogram;
  readonly commitSlots: Histogram;
  readonly activation: Histogram;
  readonly fenced: Counter;
  readonly retries: Counter<"cause">;
  readonly forged: Counter<"publisher">;
  readonly deadLetters: Counter;
  readonly quarantined: Counter;
  readonly snapshots: Counter;
  readonly snapshotFailures: Counter;
  readonly outboxSent: Counter<"destination">;
  readonly timersFired: Counter;
  readonly rulesLost: Counter<"kind">;
  readonly alarms: Counter<"alarm">;
  readonly slots: Gauge;
  readonly activeHexes: Gauge;
  readonly actorMemory: Gauge;
  readonly passivated: Counter<"cause">;
  readonly hexCommands: Gauge<"hex">;
  readonly snapshotLag: Gauge;
}

const batchBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export function createWorkerMetrics(metrics: Metrics): WorkerMetrics {
  const seconds = { buckets: latencyBucketsSeconds };
  return {
    commands: metrics.tally("hexhold_worker_commands_total", "Commands answered.", "outcome"),
    batchSize: metrics.histogram("hexhold_worker_batch_commands", "Commands in a queue message.", {
      buckets: batchBuckets,
    }),
    handling: metrics.histogram(
      "hexhold_worker_handling_seconds",
      "From a delivery to its ack, a queue message.",
      seconds,
    ),
    commit: metrics.histogram(
      "hexhold_worker_commit_seconds",
      "One commit of a batch, its wait for the others included.",
      seconds,
    ),
    commitSlots: metrics.histogram(
      "hexhold_worker_commit_slots",
      "Slots whose batches one commit stored.",
      { buckets: [1, 2, 4, 8, 16, 32, 64] },
    ),
    activation: metrics.histogram(
      "hexhold_worker_activation_seconds",
      "Loading the hexes that a batch needs and memory has not.",
      seconds,
    ),
    fenced: metrics.counter(
      "hexhold_worker_fenced_total",
      "Slots that a commit or a proof of the epoch found lost to another owner.",
    ),
    retries: metrics.counter("hexhold_worker_retries_total", "Commands decided again.", ["cause"]),
    forged: metrics.counter(
      "hexhold_worker_forged_total",
      "Commands that somebody published in another's name.",
      ["publisher"],
    ),
    deadLetters: metrics.counter("hexhold_worker_dead_letters_total", "Commands given up."),
    quarantined: metrics.counter(
      "hexhold_worker_quarantined_total",
      "Hexes that cannot be activated.",
    ),
    snapshots: metrics.counter("hexhold_worker_snapshots_total", "Snapshots written."),
    snapshotFailures: metrics.counter(
      "hexhold_worker_snapshot_failures_total",
      "Writes of snapshots that failed.",
    ),
    outboxSent: metrics.counter("hexhold_worker_outbox_sent_total", "Outbox rows confirmed.", [
      "destination",
    ]),
    actorMemory: metrics.gauge(
      "hexhold_worker_actor_memory_bytes",
      "Memory of all actors, estimated from their states.",
    ),
    passivated: metrics.counter(
      "hexhold_worker_passivated_total",
      "Actors that left memory, being idle or for want of memory.",
      ["cause"],
    ),
    timersFired: metrics.counter(
      "hexhold_worker_timers_fired_total",
      "Timers sent to their hexes.",
    ),
    rulesLost: metrics.counter(
      "hexhold_worker_rules_lost_total",
      "Rules threads that ended unasked.",
      ["kind"],
    ),
    alarms: metrics.counter(
      "hexhold_worker_alarms_total",
      "Second lines of defence that fired: look at the log.",
      ["alarm"],
    ),
    slots: metrics.gauge("hexhold_worker_slots", "Slots held."),
    activeHexes: metrics.gauge("hexhold_worker_active_hexes", "Hexes in memory."),
    hexCommands: metrics.gauge(
      "hexhold_worker_hex_commands_per_second",
      "Commands decided in the busiest hexes.",
      { labels: ["hex"] },
    ),
    snapshotLag: metrics.gauge(
      "hexhold_worker_snapshot_lag_seconds",
      "Age of the oldest change without a snapshot.",
    ),
  };
}
