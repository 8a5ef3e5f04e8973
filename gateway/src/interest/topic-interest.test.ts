import { fromBinary } from "@bufbuild/protobuf";
import { ServerFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import {
  type Inbox,
  playerRoutingKey,
  playerTopic,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { createLogger, createMetrics, type Metrics } from "@hexhold/telemetry";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createGatewayMetrics } from "../gateway-metrics.ts";
import type { Observer } from "./interest.ts";
import { TopicInterest } from "./topic-interest.ts";
import { markMessage, topicMessage } from "./topics.testing.ts";

let topics: TopicInterest;
let metrics: Metrics;

beforeEach(() => {
  vi.useFakeTimers();
  metrics = createMetrics({ processMetrics: false });
  topics = new TopicInterest({
    logger: createLogger({ service: "gateway", instance: "test", level: "silent" }),
    metrics: createGatewayMetrics(metrics),
  });
});
afterEach(() => {
  topics.stop();
  vi.useRealTimers();
});

/** A view queue; `fails`: how many binds it refuses. */
function queue(fails = 0): Inbox & { readonly bound: Set<string>; calls: number } {
  const bound = new Set<string>();
  const inbox = {
    name: "views",
    bound,
    calls: 0,
    bind(key: string) {
      inbox.calls++;
      if (fails-- > 0) return Promise.reject(new Error("not now"));
      return Promise.resolve(void bound.add(key));
    },
    unbind: (key: string) => Promise.resolve(void bound.delete(key)),
    closed: new Promise<string>(() => undefined),
    close: () => Promise.resolve(),
  };
  return inbox;
}

function listener(): Observer & { readonly heard: string[]; isFull: boolean } {
  const heard: string[] = [];
  const observer = {
    heard,
    isFull: false,
    closed: false,
    tooSlow: () => void heard.push("too slow"),
    sendView(bytes: Uint8Array) {
      if (observer.isFull) return false;
      const { frame } = fromBinary(ServerFrameSchema, bytes);
      if (frame.case === "topic") {
        heard.push(
          `${frame.value.topic} ${frame.value.seq}${frame.value.type === "" ? " mark" : ""}`,
        );
      } else if (frame.case === "notice") heard.push(`notice ${frame.value.topics.join(" ")}`);
      return true;
    },
  };
  return observer;
}

const rest = () => vi.advanceTimersByTimeAsync(0);

it("binds 256 keys at most for any number of players, and unbinds what nobody needs any more", async () => {
  const inbox = queue();
  await topics.connect(inbox);
  const players = Array.from({ length: 5_000 }, () => ({
    topic: playerTopic(uuidText(uuidv7Bytes())),
    observer: listener(),
  }));
  for (const { observer, topic } of players) topics.listen(observer, topic);
  await rest();
  expect([inbox.bound.size, inbox.calls]).toEqual([256, 256]);
  expect(await metrics.metricsText()).toContain("hexhold_gateway_topic_bindings 256");
  expect(players.every(({ observer }) => observer.heard[0] === "player 0 mark")).toBe(true);
  for (const { observer, topic } of players) topics.leave(observer, topic);
  await vi.advanceTimersByTimeAsync(35_000);
  expect(inbox.bound.size).toBe(0);
});

it("gives no mark before events are on their way, however often the broker fails to bind", async () => {
  const inbox = queue(2);
  const observer = listener();
  topics.listen(observer, "market/wood");
  await rest();
  expect(observer.heard).toEqual([]);
  await topics.connect(inbox).catch(() => undefined);
  topics.listen(observer, "market/wood");
  await rest();
  expect(observer.heard).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_500);
  expect(observer.heard.slice(0, 1)).toEqual(["market/wood 0 mark"]);
  expect(inbox.bound).toEqual(new Set(["market.wood"]));
});

it("binds everything again on a new connection, and sends who listens to read", async () => {
  await topics.connect(queue());
  const [observer, late] = [listener(), listener()];
  const account = uuidText(uuidv7Bytes());
  topics.listen(observer, playerTopic(account));
  topics.listen(observer, "market/wood");
  await rest();
  topics.disconnect();
  topics.listen(late, "market/wood");
  await rest();
  expect(late.heard).toEqual([]);
  const inbox = queue();
  await topics.connect(inbox);
  expect(inbox.bound).toEqual(new Set([playerRoutingKey(account), "market.wood"]));
  expect(observer.heard).toEqual([
    "player 0 mark",
    "market/wood 0 mark",
    "notice player market/wood",
  ]);
  expect(late.heard).toEqual(["market/wood 0 mark"]);
});

it("sends nothing of a topic between what a slow reader has missed and its notice", async () => {
  await topics.connect(queue());
  const observer = listener();
  for (const topic of ["market/wood", "market/stone"]) topics.listen(observer, topic);
  await rest();
  observer.heard.length = 0;
  observer.isFull = true;
  topics.onTopics(topicMessage("market/wood", 1n).body);
  observer.isFull = false;
  topics.onTopics(topicMessage("market/wood", 2n).body);
  topics.onTopics(topicMessage("market/stone", 1n).body);
  await vi.advanceTimersByTimeAsync(300);
  topics.onTopics(topicMessage("market/wood", 3n).body);
  expect(observer.heard).toEqual(["market/stone 1", "notice market/wood", "market/wood 3"]);
});

it("ends a reader whose buffer stays full", async () => {
  await topics.connect(queue());
  const observer = listener();
  topics.listen(observer, "market/wood");
  await rest();
  observer.isFull = true;
  topics.onTopics(topicMessage("market/wood", 1n).body);
  await vi.advanceTimersByTimeAsync(29_000);
  expect(observer.heard).toEqual(["market/wood 0 mark"]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(observer.heard.at(-1)).toBe("too slow");
});

it("outlives a message that is none, and drops what nobody listens to", async () => {
  await topics.connect(queue());
  const observer = listener();
  topics.listen(observer, "market/wood");
  await rest();
  topics.onTopics(Uint8Array.of(255, 255));
  topics.onTopics(topicMessage("market/stone", 1n).body);
  topics.onTopics(markMessage("market/stone", 1n).body);
  topics.onTopics(topicMessage("market/wood", 4n).body);
  expect(observer.heard).toEqual(["market/wood 0 mark", "market/wood 4"]);
});
