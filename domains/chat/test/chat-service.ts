/** Two chat services on a broker and a database whose commits may go unanswered. */
import { type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type RunningDomain, startDomain } from "@hexhold/domain";
import type { Answer } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { parseKeyText } from "@hexhold/hex";
import {
  bytesText,
  createAmqpBus,
  createMessageRegistry,
  decodeAnswer,
  declareTopology,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  queuesOfService,
  splitAnswers,
  uuidBytes,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { openPool } from "@hexhold/postgres";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { freshVhost, openStoreProxy, type StoreProxy } from "@hexhold/testing";
import { expect } from "vitest";
import { chatConfigSchema } from "../src/chat-config.ts";
import { createChatMetrics } from "../src/chat-metrics.ts";
import { chatDescriptors, createChat } from "../src/create-chat.ts";
import { startDays } from "../src/store/days.ts";
import { type ChatDatabase, openChatDatabase } from "./chat-database.ts";

const registry = createMessageRegistry(chatDescriptors);
const queue = "cmd.chat";

export interface SentCommand {
  readonly requestId: Uint8Array;
  readonly envelope: Uint8Array;
}

export interface ChatService {
  readonly database: ChatDatabase;
  readonly proxy: StoreProxy;
  /** Final answers by request id as `bytesText`; all of each. */
  readonly answers: ReadonlyMap<string, readonly Answer[]>;
  /** What was told to topics: `topic seq`. */
  readonly told: readonly string[];
  metric(name: string): Promise<number>;
  /** As one message of the queue. */
  send(...envelopes: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

/** A command of a client. */
export function clientCommand<T extends Message>(
  schema: GenMessage<T>,
  message: T,
  account: string,
): SentCommand {
  const { type } = registry.bySchema(schema);
  const requestId = uuidv7Bytes();
  const accountId = uuidBytes(account);
  const envelope = encodeEnvelope({
    type,
    messageVersion: 1,
    requestId,
    eventId: uuidv7Bytes(),
    correlationId: requestId,
    producer: { service: "gateway", version: "1", instance: "gateway-1" },
    tsMs: Date.now(),
    idempotencyKey: idempotencyKeyOf({ accountId, requestId, type, target: Buffer.from(account) }),
    payload: toBinary(schema, message),
    accountId,
    subject: account,
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

export async function openChatService(): Promise<ChatService> {
  const [database, vhost] = await Promise.all([openChatDatabase(), freshVhost()]);
  await declareTopology(vhost.url, 8);
  const proxy = await openStoreProxy(database.url);
  const bus = createAmqpBus({ url: vhost.url, appId: "test/chat" });
  await expect.poll(() => bus.state.mode, { timeout: 10_000 }).toBe("connected");
  const answers = new Map<string, Answer[]>();
  await bus.openInbox({
    name: "gw.test.reply",
    lengthMax: 1000,
    onMessage({ body }) {
      for (const answer of splitAnswers(body).map(decodeAnswer)) {
        const id = bytesText(answer.requestId);
        answers.set(id, [...(answers.get(id) ?? []), answer]);
      }
    },
  });
  const told: string[] = [];
  const metrics = createMetrics({ processMetrics: false });
  const chatMetrics = createChatMetrics(metrics, { openReports: () => Promise.resolve() });
  const logger = createLogger({ service: "chat", instance: "test", level: "silent" });
  const looks = openPool({ url: database.url, applicationName: "chat-looks:test" }, 1);
  const keepDays = { world: 3, hex: 7, whisper: 30 };
  const days = startDays({ pool: looks, keepDays, worldNow: Date.now, logger });
  const running = ["chat-1", "chat-2"].map((instance): RunningDomain => {
    const rules = chatConfigSchema.parse({
      instance,
      postgresUrl: "postgres://unused",
      worldMinAgeMinutes: 0,
      world: { burst: 100, perSecond: 50 },
      local: { burst: 100, perSecond: 50 },
    });
    const chat = createChat(rules, {
      worldNow: Date.now,
      topics: {
        toPlayer: () => undefined,
        toTopic: ({ topic, seq }) => void told.push(`${topic} ${seq}`),
      },
      days,
      logger,
      metrics: chatMetrics,
    });
    return startDomain({
      producer: { service: "chat", version: "1", instance },
      postgresUrl: proxy.urlOf(database.url),
      queues: queuesOfService("chat"),
      inHandMax: 16,
      descriptors: chatDescriptors,
      handlers: chat.handlers,
      newWork: () => chat.newWork(),
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
    told,
    async metric(name) {
      const lines = (await metrics.metricsText()).split("\n");
      const found = lines.filter((line) => line.startsWith(name));
      return found.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    },
    async send(...envelopes) {
      const outcome = await bus.publish(queue, {
        type: "batch.v1",
        body: encodeBatch({ routeVersion: 1n, envelopes }),
        replyTo: "gw.test.reply",
      });
      expect(outcome).toBe("confirmed");
    },
    async close() {
      await Promise.all(running.map((domain) => domain.stop()));
      days.stop();
      await looks.end();
      await bus.close();
      await proxy.close();
      await Promise.all([database.close(), vhost.drop()]);
    },
  };
}
