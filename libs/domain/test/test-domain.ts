/** A small domain service on a real broker and PostgreSQL: it writes down what it was told to do. */
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type CommandDeadLettered,
  CommandDeadLetteredSchema,
} from "@hexhold/gen/hexhold/control/v1/dead_letter_pb";
import { EnterResultSchema, EnterSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { type Answer } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  type Bus,
  type BusMessage,
  type ConsumeOptions,
  createAmqpBus,
  declareTopology,
  decodeAnswer,
  decodeBatch,
  decodeEnvelope,
  type BatchOrigin,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  type ProducerRoutes,
  type PublishOutcome,
  splitAnswers,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { migrate, openPool, type PgPool } from "@hexhold/postgres";
import { createLogger, createMetrics, type Metrics } from "@hexhold/telemetry";
import { freshDatabase, freshVhost, openStoreProxy, type StoreProxy } from "@hexhold/testing";
import { expect } from "vitest";
import {
  type MessageHandler,
  onCommand,
  onEvents,
  type Outbox,
  startDomain,
  type Transaction,
  type Work,
} from "../src/index.ts";

export const queue = "cmd.inventory.3";
export const account = uuidv7Bytes();
const migrations = path.resolve(import.meta.dirname, "../../../infra/pg_migrations");
const worker = { service: "worker", version: "1", instance: "worker-1" };
const gateway = { service: "gateway", version: "1", instance: "gateway-1" };

/** Amounts from here on are those that the handler cannot stand. */
export const poison = 1_000_000n;

/** A command with this deadline is one that the handler cannot stand. */
export const deadlineOfPoison = 4_000_000_000_000;

export interface TestDomain {
  /** URL of the service's role. */
  readonly roleUrl: string;
  readonly bus: Bus;
  readonly proxy: StoreProxy;
  readonly answers: readonly Answer[];
  /** Handler calls that threw. */
  readonly thrown: () => number;
  metric(name: string): Promise<number>;
  start(): void;
  stop(): Promise<void>;
  query<Row>(text: string): Promise<Row[]>;
  /** Amounts that were written down, in their order. */
  amounts(): Promise<number[]>;
  /** Messages that the service has acked. */
  readonly acked: number;
  untilAcked(count: number): Promise<void>;
  /** The next ack never goes out: the consumer's channel is closed in its place. */
  closeInsteadOfNextAck(): void;
  /** What waits in `cmd.router`, when there are `least` or ten seconds have passed; it stays there. */
  letters(least?: number): Promise<CommandDeadLettered[]>;
  send(...envelopes: Uint8Array[]): Promise<void>;
  /** As what a commit owed. */
  sendFrom(origin: BatchOrigin, ...envelopes: Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

export function gathered(amount: bigint, eventId: Uint8Array = uuidv7Bytes()): Uint8Array {
  const event = create(GatheredSchema, { playerId: account, resource: 1, amount });
  return encodeEnvelope({
    type: "evt.hex.gathered",
    messageVersion: 1,
    eventId,
    producer: worker,
    tsMs: Date.now(),
    payload: toBinary(GatheredSchema, event),
    subject: uuidText(account),
  });
}

export interface EnterFields {
  readonly requestId?: Uint8Array;
  readonly payload?: Uint8Array;
  readonly deadlineMs?: number;
  readonly accountId?: Uint8Array;
  readonly service?: string;
}

/** `cmd.hex.enter` stands for a DURABLE command of a client. */
export function enter(fields: EnterFields = {}): Uint8Array {
  const { requestId = uuidv7Bytes(), payload = new Uint8Array(0) } = fields;
  const subject = uuidText(account);
  const type = "cmd.hex.enter";
  return encodeEnvelope({
    type,
    messageVersion: 1,
    requestId,
    eventId: uuidv7Bytes(),
    correlationId: requestId,
    producer: fields.service === undefined ? gateway : { ...gateway, service: fields.service },
    tsMs: Date.now(),
    idempotencyKey: idempotencyKeyOf({
      accountId: account,
      requestId,
      type,
      target: Buffer.from(subject),
    }),
    payload,
    accountId: fields.accountId ?? account,
    subject,
    ...(fields.deadlineMs === undefined ? {} : { deadlineMs: fields.deadlineMs }),
  });
}

export interface TestDomainOptions {
  /** Default: one, as for a queue that nobody else reads. */
  readonly inHandMax?: number;
  /** Default: one message is one transaction. */
  readonly togetherMax?: number;
  readonly newWork?: () => Work;
  /** Before an event is written down. */
  readonly beforeEvents?: (amounts: readonly bigint[], transaction: Transaction) => Promise<void>;
  readonly outbox?: Outbox;
  /** Of a service that sends to hexes. */
  readonly routes?: ProducerRoutes;
  /** In the place of each publish of the service; `publish` does what it would have done. */
  readonly onPublish?: (
    queue: string,
    publish: () => Promise<PublishOutcome>,
  ) => Promise<PublishOutcome>;
  /** Lines of the service's log. */
  readonly log?: (line: string) => void;
}

export async function openTestDomain(options: TestDomainOptions = {}): Promise<TestDomain> {
  const [database, vhost] = await Promise.all([freshDatabase(), freshVhost()]);
  await migrate({
    adminUrl: database.url,
    directory: migrations,
    schemas: ["world", "inventory"],
    passwordOf: () => decodeURIComponent(new URL(database.url).password),
  });
  await declareTopology(vhost.url, 8);
  const admin: PgPool = openPool({ url: database.url, applicationName: "test" }, 2);
  await admin.query(
    `CREATE TABLE inventory.effect (nth bigserial, amount bigint NOT NULL);
     GRANT INSERT ON inventory.effect TO hexhold_inventory;
     GRANT USAGE ON SEQUENCE inventory.effect_nth_seq TO hexhold_inventory`,
  );
  const proxy = await openStoreProxy(database.url);
  const roleUrl = new URL(proxy.urlOf(database.url));
  roleUrl.username = "hexhold_inventory";
  const bus = createAmqpBus({ url: vhost.url, appId: "test/domain" });
  await expect.poll(() => bus.state.mode, { timeout: 10_000 }).toBe("connected");
  const answers: Answer[] = [];
  await bus.openInbox({
    name: "gw.test.reply",
    lengthMax: 100,
    onMessage: ({ body }) => void answers.push(...splitAnswers(body).map(decodeAnswer)),
  });
  let thrown = 0;
  let acked = 0;
  let isClosingNext = false;
  const counting: Bus = Object.create(bus, {
    publish: {
      value(queue: string, message: BusMessage) {
        const publish = () => bus.publish(queue, message);
        return options.onPublish?.(queue, publish) ?? publish();
      },
    },
    reply: { value: bus.reply.bind(bus) },
    consume: {
      async value(name: string, options: ConsumeOptions) {
        const subscription = await bus.consume(name, {
          ...options,
          onDelivery: (delivery) =>
            options.onDelivery({
              ...delivery,
              ack() {
                if (isClosingNext) {
                  isClosingNext = false;
                  void subscription.close();
                  return;
                }
                acked++;
                delivery.ack();
              },
            }),
        });
        return subscription;
      },
    },
  }) as Bus;
  const note = `INSERT INTO inventory.effect (amount) SELECT unnest($1::bigint[])`;
  const handlers: readonly MessageHandler[] = [
    onEvents(GatheredSchema, async (transaction, events) => {
      const amounts = events.map(({ message }) => message.amount);
      await options.beforeEvents?.(amounts, transaction);
      await transaction.query({ text: note, values: [amounts.map(String)] });
      if (amounts.some((amount) => amount >= poison)) {
        thrown++;
        throw new Error("this cannot be stood");
      }
    }),
    onCommand(EnterSchema, async (transaction, { envelope }) => {
      await transaction.query({ text: note, values: [["-1"]] });
      if (Number(envelope.deadlineMs) === deadlineOfPoison) throw new Error("nor can this");
      return { kind: "applied", result: create(EnterResultSchema, { online: 7 }) };
    }),
  ];
  const metrics: Metrics = createMetrics({ processMetrics: false });
  let running: ReturnType<typeof startDomain> | undefined;
  const query = async <Row>(text: string): Promise<Row[]> =>
    (await admin.query(text)).rows as Row[];
  async function publish(envelopes: readonly Uint8Array[], origin?: BatchOrigin): Promise<void> {
    const outcome = await bus.publish(queue, {
      type: "batch.v1",
      body: encodeBatch({ routeVersion: 1n, envelopes, origin }),
      replyTo: "gw.test.reply",
    });
    expect(outcome).toBe("confirmed");
  }

  return {
    roleUrl: roleUrl.href,
    bus,
    proxy,
    answers,
    thrown: () => thrown,
    async metric(name) {
      const lines = (await metrics.metricsText()).split("\n");
      return Number(
        lines
          .find((line) => line.startsWith(name))
          ?.split(" ")
          .at(-1) ?? "0",
      );
    },
    start() {
      running = startDomain({
        producer: { service: "inventory", version: "1", instance: "inventory-1" },
        postgresUrl: roleUrl.href,
        queues: [queue],
        ...(options.inHandMax === undefined ? {} : { inHandMax: options.inHandMax }),
        ...(options.togetherMax === undefined ? {} : { togetherMax: options.togetherMax }),
        ...(options.newWork === undefined ? {} : { newWork: options.newWork }),
        ...(options.outbox === undefined ? {} : { outbox: options.outbox }),
        ...(options.routes === undefined ? {} : { routes: options.routes }),
        handlers,
        bus: counting,
        worldNow: Date.now,
        resultRetentionHours: 72,
        logger: createLogger({
          service: "inventory",
          instance: "test",
          ...(options.log === undefined
            ? { level: "silent" as const }
            : { level: "warn" as const, destination: { write: options.log } }),
        }),
        metrics,
      });
    },
    async stop() {
      await running?.stop();
    },
    query,
    async amounts() {
      const rows = await query<{ amount: string }>(
        "SELECT amount FROM inventory.effect ORDER BY nth",
      );
      return rows.map(({ amount }) => Number(amount));
    },
    get acked() {
      return acked;
    },
    async untilAcked(count) {
      await expect.poll(() => acked, { timeout: 20_000, interval: 10 }).toBe(count);
    },
    closeInsteadOfNextAck: () => void (isClosingNext = true),
    async letters(least = 1) {
      const letters: CommandDeadLettered[] = [];
      const subscription = await bus.consume("cmd.router", {
        prefetch: 100,
        onDelivery({ body }) {
          for (const bytes of decodeBatch(body).envelopes) {
            letters.push(fromBinary(CommandDeadLetteredSchema, decodeEnvelope(bytes).payload));
          }
        },
      });
      for (let tries = 0; letters.length < least && tries < 100; tries++) await pause(100);
      // One more than expected would come with them.
      await pause(200);
      await subscription.close();
      return letters;
    },
    send: (...envelopes) => publish(envelopes),
    sendFrom: (origin, ...envelopes) => publish(envelopes, origin),
    async close() {
      proxy.setAway(false);
      await running?.stop();
      await bus.close();
      await admin.end();
      await proxy.close();
      await Promise.all([database.drop(), vhost.drop()]);
    },
  };
}
