/** Topics from the bus to real sockets. */
import { create } from "@bufbuild/protobuf";
import {
  ListenSchema,
  type ServerFrame,
  SubscribeSchema,
} from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { keyText } from "@hexhold/hex";
import {
  type Bus,
  createMemoryBus,
  encodeViews,
  MemoryBroker,
  playerRoutingKey,
  playerTopic,
  topicRoutingKey,
  uuidText,
  uuidv7Bytes,
  viewsLostTopic,
} from "@hexhold/messaging";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { home, joinEdge, startTestEdge, type TestEdge, type TestPeer } from "../edge.testing.ts";
import { markMessage, topicMessage } from "./topics.testing.ts";

const anna = uuidText(uuidv7Bytes());
/** Another account in the same bucket of the broker. */
const bert = (() => {
  for (;;) {
    const account = uuidText(uuidv7Bytes());
    if (playerRoutingKey(account) === playerRoutingKey(anna)) return account;
  }
})();
const books = Array.from({ length: 30 }, (_, i) => `asset-${i}`);
const hexText = keyText(home);
let gateway: TestEdge;
let market: Bus;

beforeEach(async () => {
  const broker = new MemoryBroker();
  market = createMemoryBus(broker);
  gateway = await startTestEdge({
    broker,
    instance: "gateway-1",
    config: { books: ["wood", "stone", ...books] },
  });
});
afterEach(async () => {
  await gateway.stop();
  await market.close();
});

const say = (topic: string, seq: bigint, payload = ""): void =>
  market.publishView([topicRoutingKey(topic)], topicMessage(topic, seq, payload));

/** `market/wood 3 hello`, `market/wood 3 mark`, `notice market/wood`, `error unknown-topic of x`. */
function heard(frames: readonly ServerFrame["frame"][]): string[] {
  return frames.flatMap((frame) => {
    if (frame.case === "topic") {
      const { topic, seq, type, payload } = frame.value;
      return [`${topic} ${seq} ${type === "" ? "mark" : Buffer.from(payload).toString()}`];
    }
    if (frame.case === "notice") return [`notice ${frame.value.topics.join(" ")}`];
    return frame.case === "error" ? [`error ${frame.value.reason} of ${frame.value.topic}`] : [];
  });
}

const listen = (peer: TestPeer, add: readonly string[], drop: readonly string[] = []): void =>
  peer.send({ case: "listen", value: create(ListenSchema, { add: [...add], drop: [...drop] }) });

/** Joins and has the mark of what is for the player alone. */
async function join(account: string): Promise<TestPeer> {
  const peer = await joinEdge(gateway.url, account);
  await vi.waitFor(() => expect(heard(peer.frames)).toEqual(["player 0 mark"]));
  peer.frames.length = 0;
  return peer;
}

/** What was said before has come when this has. */
let last = 0;
async function settled(peer: TestPeer): Promise<void> {
  const account = [anna, bert].find((text) => peer === peers.get(text))!;
  const text = `settled ${++last}`;
  say(playerTopic(account), 0n, text);
  await vi.waitFor(() => expect(heard(peer.frames).at(-1)).toBe(`player 0 ${text}`));
  // Only what is asked about is left.
  peer.frames.pop();
}
const peers = new Map<string, TestPeer>();
async function both(): Promise<readonly [TestPeer, TestPeer]> {
  const [a, b] = [await join(anna), await join(bert)];
  peers.set(anna, a).set(bert, b);
  return [a, b];
}

it("gives a session what is for its own player, and nothing of an account in the same bucket", async () => {
  const [a, b] = await both();
  say(playerTopic(anna), 0n, "for anna");
  say(playerTopic(bert), 0n, "for bert");
  await settled(a);
  await settled(b);
  expect(heard(a.frames)).toEqual(["player 0 for anna"]);
  expect(heard(b.frames)).toEqual(["player 0 for bert"]);
  // Nor of a session that has ended, which leaves nothing behind.
  listen(a, ["market/wood"]);
  await vi.waitFor(() => expect(heard(a.frames).at(-1)).toBe("market/wood 0 mark"));
  const left: string[] = [];
  const { topics } = gateway.edge;
  const leave = topics.leave.bind(topics);
  vi.spyOn(topics, "leave").mockImplementation((observer, topic) => {
    left.push(topic);
    leave(observer, topic);
  });
  a.socket.close();
  await vi.waitFor(() => expect(gateway.edge.connections.size).toBe(1));
  say(playerTopic(anna), 0n, "too late");
  await settled(b);
  expect(heard(b.frames)).toEqual(["player 0 for bert"]);
  expect(left.toSorted()).toEqual(["market/wood", playerTopic(anna)]);
});

it("gives each listener a mark first, then every event in its order, and nobody else any", async () => {
  const [a, b] = await both();
  listen(a, ["market/wood"]);
  await vi.waitFor(() => expect(heard(a.frames)).toEqual(["market/wood 0 mark"]));
  for (let n = 1n; n <= 50n; n++) say("market/wood", n, `w${n}`);
  say("market/stone", 1n, "stone");
  await vi.waitFor(() => expect(heard(a.frames)).toHaveLength(51));
  listen(b, ["market/wood", "market/stone"]);
  await vi.waitFor(() => expect(heard(b.frames)).toHaveLength(2));
  // How far the topic has come is in the mark, where the gateway knows it.
  expect(heard(b.frames)).toEqual(["market/wood 50 mark", "market/stone 0 mark"]);
  say("market/wood", 51n, "w51");
  await settled(a);
  expect(heard(a.frames)).toEqual([
    "market/wood 0 mark",
    ...Array.from({ length: 51 }, (_, i) => `market/wood ${i + 1} w${i + 1}`),
  ]);
  // The second answer says that the first frame was taken: what comes now is for who still listens.
  listen(a, ["chat/world"], ["market/wood"]);
  await vi.waitFor(() => expect(heard(a.frames).at(-1)).toBe("chat/world 0 mark"));
  say("market/wood", 52n, "w52");
  await settled(a);
  await vi.waitFor(() => expect(heard(b.frames)).toContain("market/wood 52 w52"));
  expect(heard(a.frames)).not.toContain("market/wood 52 w52");
});

it.each([
  ["unknown-topic", "weather/today"],
  ["unknown-topic", "market/gold"],
  ["unknown-topic", "market/#"],
  ["unknown-topic", playerTopic(bert)],
  ["unknown-topic", "player"],
  ["not-subscribed", `chat/${hexText}`],
  ["not-subscribed", `council/${hexText}`],
])("answers %s to %s, and the session goes on", async (reason, topic) => {
  const [a] = await both();
  listen(a, [topic, "market/wood"]);
  await vi.waitFor(() =>
    expect(heard(a.frames)).toEqual([`error ${reason} of ${topic}`, "market/wood 0 mark"]),
  );
  expect(a.closeCode).toBeUndefined();
});

it("takes 24 topics of a session and refuses the 25th, until one is let go", async () => {
  const [a] = await both();
  const topics = books.map((book) => `market/${book}`);
  expect(new Set(topics).size).toBe(30);
  listen(a, topics.slice(0, 25));
  const refused = `error too-many-topics of ${topics[24]}`;
  await vi.waitFor(() => expect(heard(a.frames)).toHaveLength(25));
  expect(heard(a.frames).filter((text) => text.startsWith("error"))).toEqual([refused]);
  a.frames.length = 0;
  // One that is listened to already is no further one.
  listen(a, [topics[0]!]);
  listen(a, [topics[24]!], [topics[1]!]);
  await vi.waitFor(() =>
    expect(heard(a.frames)).toEqual([`${topics[0]} 0 mark`, `${topics[24]} 0 mark`]),
  );
});

it("has the topics of a hex for as long as the hex is subscribed", async () => {
  const [a] = await both();
  const keys = [{ hexId: home.hexId, layerId: 0 }];
  a.send({ case: "subscribe", value: create(SubscribeSchema, { keys }) });
  listen(a, [`chat/${hexText}`, "chat/world"]);
  await vi.waitFor(() =>
    expect(heard(a.frames)).toEqual([`chat/${hexText} 0 mark`, "chat/world 0 mark"]),
  );
  say(`chat/${hexText}`, 1n, "hello");
  await vi.waitFor(() => expect(heard(a.frames).at(-1)).toBe(`chat/${hexText} 1 hello`));
  a.send({
    case: "unsubscribe",
    value: { ...create(SubscribeSchema, { keys }), $typeName: "hexhold.edge.v1.Unsubscribe" },
  });
  listen(a, [`chat/${hexText}`]);
  await vi.waitFor(() => expect(heard(a.frames).at(-1)).toContain("error not-subscribed"));
  say(`chat/${hexText}`, 2n, "nobody");
  say("chat/world", 1n, "everybody");
  await vi.waitFor(() => expect(heard(a.frames).at(-1)).toBe("chat/world 1 everybody"));
  expect(heard(a.frames)).not.toContain(`chat/${hexText} 2 nobody`);
});

it("hands on a mark that is ahead of what has come, once, and no other", async () => {
  const [a] = await both();
  listen(a, ["market/wood"]);
  await vi.waitFor(() => expect(heard(a.frames)).toHaveLength(1));
  const mark = (seq: bigint): void =>
    market.publishView(["market.wood"], markMessage("market/wood", seq));
  say("market/wood", 7n, "seven");
  for (const seq of [6n, 7n, 7n, 9n, 9n, 8n]) mark(seq);
  await settled(a);
  expect(heard(a.frames)).toEqual([
    "market/wood 0 mark",
    "market/wood 7 seven",
    "market/wood 9 mark",
  ]);
});

it("sends listeners to read when a sender of the broker had to drop messages", async () => {
  const [a] = await both();
  listen(a, ["market/wood"]);
  await vi.waitFor(() => expect(heard(a.frames)).toHaveLength(1));
  const empty = { type: "view.v1" as const, body: encodeViews({ events: [], marks: [] }) };
  market.publishView([viewsLostTopic], empty);
  await vi.waitFor(() => expect(heard(a.frames).slice(1)).toEqual(["notice player market/wood"]));
});

it("costs a reader that stands still its events and a notice, and nobody else anything", async () => {
  const [still, other] = await both();
  for (const peer of [still, other]) listen(peer, ["market/wood"]);
  await vi.waitFor(() => expect(heard(other.frames)).toHaveLength(1));
  await vi.waitFor(() => expect(heard(still.frames)).toHaveLength(1));
  still.socket.pause();
  const payload = "x".repeat(64 * 1024);
  for (let n = 1n; n <= 225n; n++) {
    say("market/wood", n, payload);
    if (n % 4n === 0n) await new Promise((resolve) => setImmediate(resolve));
  }
  await vi.waitFor(() => expect(heard(other.frames)).toHaveLength(226), { timeout: 5000 });
  still.socket.resume();
  await vi.waitFor(() => expect(heard(still.frames).at(-1)).toBe("notice market/wood"), {
    timeout: 5000,
  });
  say("market/wood", 226n, "on");
  await vi.waitFor(() => expect(heard(still.frames).at(-1)).toBe("market/wood 226 on"));
  const places = heard(still.frames).map((text) => text.split(" ")[1]);
  const before = places.indexOf("market/wood");
  // Without a hole up to the notice.
  expect(places.slice(1, before)).toEqual(Array.from({ length: before - 1 }, (_, i) => `${i + 1}`));
  expect(before).toBeLessThan(200);
  expect(still.closeCode).toBeUndefined();
  expect(heard(other.frames).filter((text) => text.startsWith("notice"))).toEqual([]);
});
