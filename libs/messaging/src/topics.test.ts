import { hexAt, keyText, regionOf } from "@hexhold/hex";
import { expect, it } from "vitest";
import { decodeTopics, encodeTopics } from "./topic-codec.ts";
import {
  accountOfTopic,
  bookTopic,
  parseTopic,
  playerRoutingKey,
  playerTopic,
  topicRoutingKey,
} from "./topics.ts";
import { DecodeError } from "./wire-fields.ts";
import { uuidText, uuidv7Bytes } from "./uuid.ts";

const key = { hexId: hexAt(52.5, 13.4), layerId: 0 };
const hex = keyText(key);

it("routes each kind of topic by a key of its own", () => {
  expect(topicRoutingKey(bookTopic("iron-ore"))).toBe("market.iron-ore");
  expect(topicRoutingKey("chat/world")).toBe("chat.world");
  expect(topicRoutingKey(`chat/${hex}`)).toBe(`chat.${regionOf(key.hexId)}`);
  expect(topicRoutingKey(`council/${hex}`)).toBe(`council.${regionOf(key.hexId)}`);
  const account = "01a205e9-4066-75d4-a65b-335845c5b501";
  // A number that gateways and services of different versions agree on.
  expect(topicRoutingKey(playerTopic(account))).toBe("to.98");
  expect(playerRoutingKey(account)).toBe(topicRoutingKey(playerTopic(account)));
  expect(accountOfTopic(playerTopic(account))).toBe(account);
  expect(accountOfTopic("market/wood")).toBeUndefined();
});

it("puts any number of players under 256 keys, and uses them all", () => {
  const keys = new Set(
    Array.from({ length: 10_000 }, () => playerRoutingKey(uuidText(uuidv7Bytes()))),
  );
  expect(keys.size).toBe(256);
  expect([...keys].every((bucket) => Number(bucket.slice(3)) < 256)).toBe(true);
});

it.each([
  "",
  "market",
  "market/",
  "market/Wood",
  "market/wood/x",
  "market/a.b",
  "market/#",
  `market/${"a".repeat(65)}`,
  "chat/nowhere",
  "council/world",
  "council/861f1d48",
  "weather/today",
  "player/01a205e9-4066-75d4-a65b-335845c5b501",
])("is no topic for listeners: %s", (topic) => {
  expect(parseTopic(topic)).toBeUndefined();
  if (!topic.startsWith("player/")) expect(() => topicRoutingKey(topic)).toThrow(RangeError);
});

it("reads topics with what they are about", () => {
  expect(parseTopic("market/wood")).toEqual({ kind: "market", book: "wood" });
  expect(parseTopic("chat/world")).toEqual({ kind: "chat-world" });
  expect(parseTopic(`council/${hex}`)).toEqual({ kind: "council", key });
});

it("reads a batch as it was written, and says of other bytes that they are none", () => {
  const event = { topic: "market/wood", seq: 2n ** 53n + 1n, event: Uint8Array.of(1, 2) };
  const mark = { topic: "chat/world", seq: 7n };
  expect(decodeTopics(encodeTopics({ events: [event], marks: [mark] }))).toMatchObject({
    events: [event],
    marks: [mark],
  });
  expect(() => decodeTopics(Uint8Array.of(0x0a, 0x7f, 1))).toThrow(DecodeError);
});
