/** The machinery of a domain service: its queues, its outbox, and what keeps its tables small. */
import type { DescFile } from "@bufbuild/protobuf";
import type { Bus } from "@hexhold/messaging";
import { openPool } from "@hexhold/postgres";
import type { Logger, Metrics } from "@hexhold/telemetry";
import { createBatchHandler } from "./batch-handler.ts";
import type { ProducerIdentity } from "./dead-letter.ts";
import { createDomainMetrics } from "./domain-metrics.ts";
import { createDomainStore } from "./domain-store.ts";
import { createBatchReader } from "./incoming.ts";
import { startOutboxRelay } from "./outbox-relay.ts";
import { consumeQueue } from "./queue-consumer.ts";
import type { MessageHandler } from "./service-definition.ts";

export interface DomainOptions {
  /** `service` is also the schema, and the label of the metrics. */
  readonly producer: ProducerIdentity;
  /** Logs in as the service's own role. */
  readonly postgresUrl: string;
  /** Names of its queues, all of them consumed in order. */
  readonly queues: readonly string[];
  readonly handlers: readonly MessageHandler[];
  /** Files that the contracts of handled messages need; default: those in which the messages are. */
  readonly descriptors?: readonly DescFile[];
  readonly bus: Bus;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  /** Results are kept so long; a client's request id may be an hour younger at most. */
  readonly resultRetentionHours: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface RunningDomain {
  /** Queues that are read now. */
  readonly consumingCount: number;
  /** A small query. Rejects when PostgreSQL does not answer it. */
  askPostgres(): Promise<void>;
  /** Finishes what is in hand and ends; what is not finished goes back to its queue. Idempotent. */
  stop(): Promise<void>;
}

/** A day longer than the world's outbox keeps rows. */
const inboxHours = 96;
const pruneEveryMs = 3_600_000;
const pruneRowsMax = 10_000;

export function startDomain(options: DomainOptions): RunningDomain {
  const { producer, postgresUrl, bus, logger, queues } = options;
  const { service, instance } = producer;
  const metrics = createDomainMetrics(options.metrics);
  const store = createDomainStore(service);
  const read = createBatchReader(options.handlers, options.descriptors);
  const pool = openPool(
    { url: postgresUrl, applicationName: `${service}:${instance}` },
    queues.length,
  );
  const relay = startOutboxRelay({
    schema: service,
    postgresUrl,
    applicationName: `${service}-outbox:${instance}`,
    bus,
    logger,
    onSent: (destination, count) => metrics.outboxSent.inc({ service, destination }, count),
  });
  const handler = createBatchHandler({
    pool,
    store,
    producer,
    worldNow: options.worldNow,
    staleAfterMs: (options.resultRetentionHours - 1) * 3_600_000,
    logger,
    metrics,
    onLetter: () => relay.hint(),
  });
  const consumers = queues.map((queue) =>
    consumeQueue({
      bus,
      queue,
      read,
      handler,
      logger,
      onHandled: (seconds) => metrics.handling.observe({ service }, seconds),
    }),
  );

  async function prune(): Promise<void> {
    const { text, values } = store.pruneStatement(
      inboxHours,
      options.resultRetentionHours,
      pruneRowsMax,
      options.worldNow(),
    );
    for (let gone = pruneRowsMax; gone >= pruneRowsMax && stopping === undefined;) {
      const { rows } = await pool.query<{ gone: string }>(text, [...(values ?? [])]);
      gone = Number(rows[0]?.gone ?? 0);
    }
  }
  const pruning = setInterval(() => {
    prune().catch((error: unknown) => logger.warn({ err: error }, "old rows cannot be deleted"));
  }, pruneEveryMs);

  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    clearInterval(pruning);
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    await relay.stop();
    await pool.end();
  }
  return {
    get consumingCount() {
      return consumers.filter(({ isConsuming }) => isConsuming).length;
    },
    async askPostgres() {
      await pool.query("SELECT 1");
    },
    stop: () => (stopping ??= stop()),
  };
}
