/** The machinery of a domain service: its queues, its outbox, and what keeps its tables small. */
import type { DescFile } from "@bufbuild/protobuf";
import type { Bus, ProducerRoutes } from "@hexhold/messaging";
import { openPool } from "@hexhold/postgres";
import type { Logger, Metrics } from "@hexhold/telemetry";
import { createBatchHandler } from "./batch-handler.ts";
import type { ProducerIdentity } from "./dead-letter.ts";
import { createDomainMetrics } from "./domain-metrics.ts";
import { createDomainStore } from "./domain-store.ts";
import { createDueStore } from "./due/due-store.ts";
import { type DueHandler, startDueRunner } from "./due/run-due.ts";
import { createBatchReader } from "./incoming.ts";
import type { Outbox } from "./outbox.ts";
import { startOutboxRelay } from "./outbox-relay.ts";
import { consumeQueue } from "./queue-consumer.ts";
import type { MessageHandler } from "./service-definition.ts";
import { countStoreFaults } from "./store-faults.ts";
import type { Statement } from "./transaction.ts";
import { noWork, type Work } from "./work.ts";

export interface DomainOptions<W extends Work = Work> {
  /** `service` is also the schema, and the label of the metrics. */
  readonly producer: ProducerIdentity;
  /** Logs in as the service's own role. */
  readonly postgresUrl: string;
  /** Names of its queues. */
  readonly queues: readonly string[];
  /**
   * Messages of one queue that are handled at a time; default 1: in their order, and no other instance reads the queue. A
   * queue of competing consumers takes more.
   */
  readonly inHandMax?: number;
  /**
   * Messages of a queue that are one transaction when they wait: fewer and larger ones under load, in the same order. Default 1.
   * A failure of one of them costs the others a transaction each.
   */
  readonly togetherMax?: number;
  readonly handlers: readonly MessageHandler<W>[];
  /** Durable timers; the schema has a table `due` then ({@link DueStore}). */
  readonly timers?: readonly DueHandler<W>[];
  /**
   * What else keeps the schema's tables small: each deletes at most `rowsMax` rows, by world time in Unix milliseconds, and
   * returns one row with their number as `gone`. Every hour, until there are fewer.
   */
  readonly prunes?: readonly ((rowsMax: number, worldMs: number) => Statement)[];
  /** What the handlers send by; default: they send nothing. */
  readonly outbox?: Outbox;
  /** What handlers keep in memory beside one transaction; default: nothing. */
  readonly newWork?: () => W;
  /**
   * Of a service that sends to hexes: the same that it has joined the cluster with. Without them a row for a hex is a fault:
   * `Outbox.send` throws, and one that came into the table otherwise is an error in the log, and stays.
   */
  readonly routes?: ProducerRoutes;
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

export function startDomain<W extends Work = Work>(options: DomainOptions<W>): RunningDomain {
  const {
    producer,
    postgresUrl,
    bus,
    logger,
    queues,
    inHandMax = 1,
    togetherMax = 1,
    timers = [],
    prunes = [],
  } = options;
  const { service, instance } = producer;
  const metrics = createDomainMetrics(options.metrics);
  const store = createDomainStore(service, () => relay.hint());
  const read = createBatchReader(
    options.handlers as readonly MessageHandler[],
    options.descriptors,
  );
  const pool = openPool(
    { url: postgresUrl, applicationName: `${service}:${instance}` },
    queues.length * inHandMax + (timers.length > 0 ? 1 : 0),
  );
  const relay = startOutboxRelay({
    schema: service,
    postgresUrl,
    applicationName: `${service}-outbox:${instance}`,
    bus,
    routes: options.routes,
    logger,
    onSent: (destination, count) => metrics.outboxSent.inc({ service, destination }, count),
    onHeldUp: (destination) => metrics.outboxHeldUp.inc({ service, destination }),
  });
  options.outbox?.onRows(() => relay.hint(), { reachesHexes: options.routes !== undefined });
  const handler = createBatchHandler({
    pool,
    store,
    producer,
    worldNow: options.worldNow,
    staleAfterMs: (options.resultRetentionHours - 1) * 3_600_000,
    logger,
    metrics,
    // The handlers' own W.
    newWork: options.newWork ?? (() => noWork),
  });
  const consumers = queues.map((queue) =>
    consumeQueue({
      bus,
      queue,
      inHandMax,
      togetherMax,
      read,
      handler,
      logger,
      onHandled: (seconds) => metrics.handling.observe({ service }, seconds),
    }),
  );

  const due =
    timers.length === 0
      ? undefined
      : startDueRunner({
          pool,
          store: createDueStore(service),
          handlers: timers,
          newWork: options.newWork ?? (() => noWork),
          worldNow: options.worldNow,
          logger,
          counted: countStoreFaults(metrics, service),
          onHandled(kind, count, lateS) {
            metrics.timers.inc({ service, kind }, count);
            metrics.timerLateness.observe({ service, kind }, lateS);
          },
          onFailed: (kind) => metrics.timerFailures.inc({ service, kind }),
        });

  async function prune(): Promise<void> {
    const own: typeof prunes = [
      (rowsMax, worldMs) =>
        store.pruneStatement(inboxHours, options.resultRetentionHours, rowsMax, worldMs),
    ];
    for (const statement of [...own, ...prunes]) {
      await pruneBy(statement(pruneRowsMax, options.worldNow()));
    }
  }

  async function pruneBy({ text, values }: Statement): Promise<void> {
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
    await Promise.all([due?.stop(), ...consumers.map((consumer) => consumer.stop())]);
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
