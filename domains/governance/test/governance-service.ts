/** Two governance services on a real broker and PostgreSQL, whose commits can be cut, and hexes that take their owners. */
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type RunningDomain, startDomain } from "@hexhold/domain";
import type { Answer } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { OwnerChangedSchema, SetOwnerSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { file_hexhold_reference_v1_events } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { keyText, parseKeyText } from "@hexhold/hex";
import {
  bytesText,
  createAmqpBus,
  createMessageRegistry,
  createProducerRoutes,
  declareTopology,
  decodeAnswer,
  decodeBatch,
  decodeEnvelope,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  keyOfWire,
  queuesOfService,
  splitAnswers,
  uuidBytes,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { freshVhost, openStoreProxy, type StoreProxy } from "@hexhold/testing";
import { expect } from "vitest";
import {
  createGovernance,
  governanceDescriptors,
  type GovernanceRules,
} from "../src/create-governance.ts";
import {
  gathered,
  type GovernanceDatabase,
  openGovernanceDatabase,
  testMetrics,
  testRules,
} from "./governance-database.ts";

const partitions = 8;
const descriptors = [...governanceDescriptors, file_hexhold_reference_v1_events];
const registry = createMessageRegistry(descriptors);
const queue = "cmd.governance";

export interface Sent {
  readonly requestId: Uint8Array;
  readonly envelope: Uint8Array;
}

export interface GovernanceService {
  readonly database: GovernanceDatabase;
  readonly proxy: StoreProxy;
  /** Final answers by request id as `bytesText`; the last one of each. */
  readonly answers: ReadonlyMap<string, Answer>;
  /** Numbers that each hex has taken, in their order. */
  readonly taken: ReadonlyMap<string, readonly bigint[]>;
  metric(name: string): Promise<number>;
  /** As one message of the queue. */
  send(...envelopes: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

/** A command of a client, about a hex or an election. */
export function clientCommand<T extends Message>(
  schema: GenMessage<T>,
  message: T,
  { account, subject }: { readonly account: string; readonly subject: string },
): Sent {
  const { type } = registry.bySchema(schema);
  const requestId = uuidv7Bytes();
  const accountId = uuidBytes(account);
  const target = Buffer.from(subject);
  const envelope = encodeEnvelope({
    type,
    messageVersion: 1,
    requestId,
    eventId: uuidv7Bytes(),
    correlationId: requestId,
    producer: { service: "gateway", version: "1", instance: "gateway-1" },
    tsMs: Date.now(),
    idempotencyKey: idempotencyKeyOf({ accountId, requestId, type, target }),
    payload: toBinary(schema, message),
    accountId,
    subject,
  });
  return { requestId, envelope };
}

/** An event of a hex. */
export function hexEvent<T extends Message>(
  schema: GenMessage<T>,
  message: T,
  hex: string,
): Uint8Array {
  const { type, messageVersion } = registry.bySchema(schema);
  return encodeEnvelope({
    type,
    messageVersion,
    eventId: uuidv7Bytes(),
    producer: { service: "worker", version: "1", instance: "worker-1" },
    tsMs: Date.now(),
    payload: toBinary(schema, message),
    key: parseKeyText(hex),
  });
}

export async function openGovernanceService(
  rules: Partial<GovernanceRules>,
): Promise<GovernanceService> {
  const [database, vhost] = await Promise.all([openGovernanceDatabase(), freshVhost()]);
  await declareTopology(vhost.url, partitions);
  const proxy = await openStoreProxy(database.url);
  const bus = createAmqpBus({ url: vhost.url, appId: "test/governance" });
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
  const publish = async (envelopes: readonly Uint8Array[], replyTo?: string): Promise<void> => {
    const outcome = await bus.publish(queue, {
      type: "batch.v1",
      body: encodeBatch({ routeVersion: 1n, envelopes }),
      ...(replyTo === undefined ? {} : { replyTo }),
    });
    expect(outcome).toBe("confirmed");
  };

  const taken = new Map<string, bigint[]>();
  /** As a hex does: the higher number wins, and what it takes it says, in one commit. */
  function take(bytes: Uint8Array): Uint8Array | undefined {
    const { type, key, payload } = decodeEnvelope(bytes);
    if (type !== "cmd.hex.set-owner" || key === undefined) throw new TypeError(type);
    const hex = keyText(keyOfWire(key));
    const { number, owner, untilMs, electionId } = fromBinary(SetOwnerSchema, payload);
    const before = taken.get(hex) ?? [];
    if (number <= (before.at(-1) ?? 0n)) return undefined;
    taken.set(hex, [...before, number]);
    const atMs = BigInt(Date.now());
    const changed = create(OwnerChangedSchema, { number, owner, untilMs, electionId, atMs });
    return hexEvent(OwnerChangedSchema, changed, hex);
  }
  for (let slot = 0; slot < partitions; slot++) {
    await bus.consume(`cmd.p${slot}`, {
      prefetch: 1,
      onDelivery(delivery) {
        const said = decodeBatch(delivery.body).envelopes.flatMap((bytes) => take(bytes) ?? []);
        void (said.length === 0 ? Promise.resolve() : publish(said)).then(() => delivery.ack());
      },
    });
  }

  const metrics = createMetrics({ processMetrics: false });
  const governanceMetrics = testMetrics(metrics);
  const logger = createLogger({ service: "governance", instance: "test", level: "silent" });
  const running = ["governance-1", "governance-2"].map((instance): RunningDomain => {
    const routes = createProducerRoutes();
    routes.update({ routeVersion: 1n, partitions, pins: new Map(), stalled: new Set() });
    const governance = createGovernance(testRules({ instance, ...rules }), [gathered], {
      worldNow: Date.now,
      topics: { toPlayer: () => undefined, toTopic: () => undefined },
      logger,
      metrics: governanceMetrics,
    });
    return startDomain({
      producer: { service: "governance", version: "1", instance },
      postgresUrl: proxy.urlOf(database.url),
      queues: queuesOfService("governance"),
      inHandMax: 16,
      descriptors,
      handlers: governance.handlers,
      timers: governance.timers,
      outbox: governance.outbox,
      newWork: () => governance.newWork(),
      routes,
      bus,
      worldNow: Date.now,
      resultRetentionHours: 72,
      logger,
      metrics,
    });
  });

  return {
    database,
    proxy,
    answers,
    taken,
    async metric(name) {
      const lines = (await metrics.metricsText()).split("\n");
      const found = lines.filter((line) => line.startsWith(name));
      return found.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    },
    send: (...envelopes) => publish(envelopes, "gw.test.reply"),
    async close() {
      await Promise.all(running.map((domain) => domain.stop()));
      await bus.close();
      await proxy.close();
      await Promise.all([database.close(), vhost.drop()]);
    },
  };
}
