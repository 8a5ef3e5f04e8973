import { create, fromBinary } from "@bufbuild/protobuf";
import {
  ChangedSchema,
  file_hexhold_inventory_v1_events,
} from "@hexhold/gen/hexhold/inventory/v1/events_pb";
import { GetBalancesSchema } from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import {
  BookChangedSchema,
  file_hexhold_market_v1_events,
} from "@hexhold/gen/hexhold/market/v1/events_pb";
import { bookTopic, decodeEnvelope, decodeTopics, playerTopic } from "@hexhold/messaging";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createTopicPublisher, type TopicPublisher } from "./topic-publisher.ts";

const anna = "01a205e9-4066-75d4-a65b-335845c5b501";
let sent: { readonly type: string; readonly key: string; readonly body: Uint8Array }[];
let errors: string[];
let topics: TopicPublisher;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  errors = [];
  const logger = createLogger({ service: "market", instance: "test", level: "silent" });
  vi.spyOn(logger, "error").mockImplementation(
    (...said: unknown[]) => void errors.push(String(said.at(-1))),
  );
  topics = createTopicPublisher({
    bus: {
      publishView([key], { type, body }) {
        sent.push({ type, key: key!, body });
      },
    },
    producer: { service: "market", version: "1", instance: "market-1" },
    descriptors: [file_hexhold_market_v1_events, file_hexhold_inventory_v1_events],
    worldNow: () => 1_800_000_000_000,
    logger,
    metrics: createMetrics({ processMetrics: false }),
  });
});
afterEach(() => {
  topics.stop();
  vi.useRealTimers();
});

const book = (name: string, version: bigint) => ({
  topic: bookTopic(name),
  seq: version,
  schema: BookChangedSchema,
  message: create(BookChangedSchema, { book: name, version }),
});
const balance = (account: string, available: bigint) => ({
  account,
  schema: ChangedSchema,
  message: create(ChangedSchema, { asset: "wood", available }),
});
/** `market.wood: market/wood 3 evt.market.book-changed`, or with `mark` for its type. */
function places(): string[] {
  return sent.map(({ key, body }) => {
    const { events, marks } = decodeTopics(body);
    const all = [
      ...events.map(({ topic, seq, event }) => `${topic} ${seq} ${decodeEnvelope(event).type}`),
      ...marks.map(({ topic, seq }) => `${topic} ${seq} mark`),
    ];
    return `${key}: ${all.join(", ")}`;
  });
}

it("sends what one turn has gathered in one message for each routing key, in its order", () => {
  topics.toTopic(book("wood", 1n));
  topics.toPlayer(balance(anna, 5n));
  topics.toTopic(book("stone", 1n));
  topics.toTopic(book("wood", 2n));
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(0);
  expect(places()).toEqual([
    "market.wood: market/wood 1 evt.market.book-changed, market/wood 2 evt.market.book-changed",
    `to.98: ${playerTopic(anna)} 0 evt.inventory.changed`,
    "market.stone: market/stone 1 evt.market.book-changed",
  ]);
  expect(sent.map(({ type }) => type)).toEqual(["topic.v1", "topic.v1", "topic.v1"]);
  const [event] = decodeTopics(sent[1]!.body).events;
  const { payload, producer, tsMs } = decodeEnvelope(event!.event);
  expect(fromBinary(ChangedSchema, payload)).toMatchObject({ asset: "wood", available: 5n });
  expect([producer?.service, tsMs]).toEqual(["market", 1_800_000_000_000n]);
});

it("splits what one message would hold too much of", () => {
  for (let version = 1n; version <= 300n; version++) topics.toTopic(book("wood", version));
  vi.advanceTimersByTime(0);
  expect(sent.map(({ body }) => decodeTopics(body).events.length)).toEqual([256, 44]);
});

it("marks numbered topics every 2 s until 10 s after their last event, and nothing else", () => {
  topics.toTopic(book("wood", 7n));
  topics.toPlayer(balance(anna, 5n));
  vi.advanceTimersByTime(0);
  sent = [];
  vi.advanceTimersByTime(6_000);
  topics.toTopic(book("stone", 1n));
  // Another instance was faster: the mark does not go back.
  topics.toTopic(book("wood", 6n));
  vi.advanceTimersByTime(0);
  expect(places()).toEqual([
    ...Array.from({ length: 3 }, () => "market.wood: market/wood 7 mark"),
    "market.stone: market/stone 1 evt.market.book-changed",
    "market.wood: market/wood 6 evt.market.book-changed",
  ]);
  sent = [];
  vi.advanceTimersByTime(30_000);
  expect(places().filter((place) => place === "market.wood: market/wood 7 mark")).toHaveLength(5);
  expect(places().filter((place) => place === "market.stone: market/stone 1 mark")).toHaveLength(5);
  expect(sent).toHaveLength(10);
});

it("throws nothing into a commit: what cannot be sent is logged", () => {
  topics.toPlayer({ account: anna, schema: BookChangedSchema, message: create(BookChangedSchema) });
  topics.toTopic({ ...book("wood", 1n), topic: "market/no.book" });
  topics.toPlayer({ account: anna, schema: GetBalancesSchema, message: create(GetBalancesSchema) });
  vi.advanceTimersByTime(3_000);
  expect(sent).toEqual([]);
  expect(errors).toEqual(Array.from({ length: 3 }, () => "an event for players cannot be sent"));
});

it("sends what is gathered when it is stopped, and no marks any more", () => {
  topics.toTopic(book("wood", 1n));
  topics.stop();
  expect(sent).toHaveLength(1);
  vi.advanceTimersByTime(5_000);
  expect(sent).toHaveLength(1);
});
