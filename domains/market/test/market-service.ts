/** Market services on a real broker and PostgreSQL, with an inventory that grants what it is asked for and keeps account. */
import path from "node:path";
import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { untold } from "./market-database.ts";
import { createOutbox, type RunningDomain, startDomain } from "@hexhold/domain";
import {
  CancelHoldSchema,
  file_hexhold_inventory_v1_holds,
  HoldSchema,
  ReleaseSchema,
  SettleSchema,
} from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import { type Answer, type Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  EndHoldSchema,
  file_hexhold_market_v1_steps,
  HoldEnd,
} from "@hexhold/gen/hexhold/market/v1/steps_pb";
import {
  bytesText,
  createAmqpBus,
  declareTopology,
  decodeAnswer,
  decodeBatch,
  decodeEnvelope,
  domainQueueOf,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  queuesOfService,
  splitAnswers,
  uuidBytes,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { migrate, openPool, textArray } from "@hexhold/postgres";
import { createLogger, createMetrics, type Metrics } from "@hexhold/telemetry";
import { freshDatabase, freshVhost, openStoreProxy, type StoreProxy } from "@hexhold/testing";
import { expect } from "vitest";
import { createMarket, marketDescriptors } from "../src/create-market.ts";
import { marketConfigSchema } from "../src/market-config.ts";
import { createMarketMetrics } from "../src/market-metrics.ts";

const directory = path.resolve(import.meta.dirname, "../../../infra/pg_migrations");
const gateway = { service: "gateway", version: "1", instance: "gateway-1" };

/** What an inventory knows of a hold. */
export interface TestHold {
  readonly amount: bigint;
  remaining: bigint;
}

export interface MarketService {
  readonly proxy: StoreProxy;
  /** By request id as `bytesText`; the last one of each. */
  readonly answers: ReadonlyMap<string, Answer>;
  readonly holds: ReadonlyMap<string, TestHold>;
  /** What went wrong in the inventory: must stay empty. */
  readonly faults: readonly string[];
  metric(name: string): Promise<number>;
  /** Starts an instance; the one before is stopped. */
  takeOver(): Promise<void>;
  /** As one message of the queue of a book. */
  send(book: string, ...envelopes: readonly Uint8Array[]): Promise<void>;
  rows<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Answers each hold from now on, those that came before included. */
  grantAll(): Promise<void>;
  close(): Promise<void>;
}

/** A command of a client, about a book. */
export function clientCommand<T extends Message>(
  type: string,
  schema: GenMessage<T>,
  message: T,
  { account, book }: { readonly account: string; readonly book: string },
): { readonly requestId: Uint8Array; readonly envelope: Uint8Array } {
  const requestId = uuidv7Bytes();
  const accountId = uuidBytes(account);
  const target = Buffer.from(book);
  const envelope = encodeEnvelope({
    type,
    messageVersion: 1,
    requestId,
    eventId: uuidv7Bytes(),
    correlationId: requestId,
    producer: gateway,
    tsMs: Date.now(),
    idempotencyKey: idempotencyKeyOf({ accountId, requestId, type, target }),
    payload: toBinary(schema, message),
    accountId,
    subject: book,
  });
  return { requestId, envelope };
}

export async function openMarketService(books: readonly string[]): Promise<MarketService> {
  const [database, vhost] = await Promise.all([freshDatabase(), freshVhost()]);
  await migrate({
    adminUrl: database.url,
    directory,
    passwordOf: () => decodeURIComponent(new URL(database.url).password),
  });
  await declareTopology(vhost.url, 8);
  const admin = openPool({ url: database.url, applicationName: "test" }, 2);
  await admin.query("SELECT market.add_books($1)", [textArray(books)]);
  const proxy = await openStoreProxy(database.url);
  const roleUrl = new URL(proxy.urlOf(database.url));
  roleUrl.username = "hexhold_market";
  const bus = createAmqpBus({ url: vhost.url, appId: "test/market" });
  await expect.poll(() => bus.state.mode, { timeout: 10_000 }).toBe("connected");
  const answers = new Map<string, Answer>();
  await bus.openInbox({
    name: "gw.test.reply",
    lengthMax: 1000,
    onMessage({ body }) {
      for (const answer of splitAnswers(body).map(decodeAnswer)) {
        answers.set(bytesText(answer.requestId), answer);
      }
    },
  });
  const metrics: Metrics = createMetrics({ processMetrics: false });
  const marketMetrics = createMarketMetrics(metrics, () => Promise.resolve());
  const logger = createLogger({ service: "market", instance: "test", level: "silent" });
  let running: RunningDomain | undefined;
  let instances = 0;

  const publish = async (
    queue: string,
    envelopes: readonly Uint8Array[],
    replyTo?: string,
  ): Promise<void> => {
    const outcome = await bus.publish(queue, {
      type: "batch.v1",
      body: encodeBatch({ routeVersion: 1n, envelopes }),
      ...(replyTo === undefined ? {} : { replyTo }),
    });
    expect(outcome).toBe("confirmed");
  };

  const inventory = createTestInventory((book, envelope) =>
    publish(domainQueueOf("market", book), [envelope]),
  );
  for (const queue of queuesOfService("inventory")) {
    await bus.consume(queue, {
      prefetch: 16,
      onDelivery(delivery) {
        for (const bytes of decodeBatch(delivery.body).envelopes)
          inventory.take(decodeEnvelope(bytes));
        delivery.ack();
      },
    });
  }

  return {
    proxy,
    answers,
    holds: inventory.holds,
    faults: inventory.faults,
    async metric(name) {
      const lines = (await metrics.metricsText()).split("\n");
      const found = lines.filter((line) => line.startsWith(name));
      return found.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    },
    async takeOver() {
      await running?.stop();
      const instance = `market-${++instances}`;
      const config = marketConfigSchema.parse({
        instance,
        postgresUrl: roleUrl.href,
        minAgeHours: 0,
        askMs: 300,
      });
      const ports = { worldNow: Date.now, logger, metrics: marketMetrics, topics: untold };
      const market = createMarket(config, ports);
      running = startDomain({
        producer: { service: "market", version: "1", instance },
        postgresUrl: roleUrl.href,
        queues: queuesOfService("market"),
        descriptors: marketDescriptors,
        handlers: market.handlers,
        timers: market.timers,
        outbox: market.outbox,
        newWork: () => market.newWork(),
        bus,
        worldNow: Date.now,
        resultRetentionHours: 72,
        logger,
        metrics,
      });
    },
    send: (book, ...envelopes) =>
      publish(domainQueueOf("market", book), envelopes, "gw.test.reply"),
    rows: async <Row>(text: string, values: unknown[] = []) =>
      (await admin.query(text, values)).rows as Row[],
    grantAll: () => inventory.grantAll(),
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

/** Steps are known by their ids, as in a ledger: a repetition changes nothing, a second step for one order is a fault. */
function createTestInventory(send: (book: string, envelope: Uint8Array) => Promise<void>) {
  const holds = new Map<string, TestHold>();
  const faults: string[] = [];
  const done = new Set<string>();
  const books = new Map<string, string>();
  const refused = new Set<string>();
  let isGranting = false;
  const outbox = createOutbox({
    producer: { service: "inventory", version: "1", instance: "inventory-1" },
    descriptors: [file_hexhold_inventory_v1_holds, file_hexhold_market_v1_steps],
    worldNow: Date.now,
  });

  async function answer(id: string): Promise<void> {
    const book = books.get(id)!;
    const isRefused = refused.has(id);
    const message = {
      $typeName: EndHoldSchema.typeName,
      holdId: uuidBytes(id),
      end: isRefused ? HoldEnd.REFUSED : HoldEnd.HELD,
      reason: isRefused ? "cancelled" : "",
      book,
    } as const;
    const to = { service: "market", subject: book };
    await send(
      book,
      outbox.messageOf({ schema: EndHoldSchema, message, to, cause: undefined }).envelope,
    );
  }

  function takeFrom(id: string, amount: bigint, what: string): void {
    const hold = holds.get(id);
    if (hold === undefined) return void faults.push(`${what}: there is no hold ${id}`);
    hold.remaining -= amount;
    if (hold.remaining < 0n) faults.push(`${what}: hold ${id} is ${hold.remaining}`);
  }

  /** Whether a step is new. */
  const isFirst = (bytes: Uint8Array): boolean => {
    const id = uuidText(bytes);
    if (done.has(id)) return false;
    done.add(id);
    return true;
  };

  return {
    holds,
    faults,
    take({ type, payload }: Envelope): void {
      if (type === "cmd.inventory.hold") {
        const { holdId, amount, book } = fromBinary(HoldSchema, payload);
        const id = uuidText(holdId);
        books.set(id, book);
        if (isFirst(holdId)) holds.set(id, { amount, remaining: amount });
        if (isGranting) void answer(id);
      } else if (type === "cmd.inventory.cancel-hold") {
        const { holdId, book } = fromBinary(CancelHoldSchema, payload);
        const id = uuidText(holdId);
        books.set(id, book);
        if (!holds.has(id)) refused.add(id);
        if (isGranting) void answer(id);
      } else if (type === "cmd.inventory.settle") {
        const settle = fromBinary(SettleSchema, payload);
        if (!isFirst(settle.tradeId)) return;
        takeFrom(uuidText(settle.buyHold), settle.buyTake, "settle");
        takeFrom(uuidText(settle.sellHold), settle.quantity, "settle");
        const cost = settle.price * settle.quantity;
        if (settle.tax > cost || cost > settle.buyTake)
          faults.push(`settle of ${cost} does not fit`);
      } else if (type === "cmd.inventory.release") {
        const { releaseId, holdId, amount } = fromBinary(ReleaseSchema, payload);
        if (isFirst(releaseId)) takeFrom(uuidText(holdId), amount, "release");
      } else {
        faults.push(`nobody handles ${type}`);
      }
    },
    async grantAll(): Promise<void> {
      isGranting = true;
      await Promise.all([...books.keys()].map((id) => answer(id)));
    },
  };
}
