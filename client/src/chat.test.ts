import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  BlocksSchema,
  GetHistorySchema,
  HistorySchema,
  SaySchema,
  WhisperSchema,
  WhispersSchema,
} from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import {
  MutedSchema,
  RemovedSchema,
  SaidSchema,
  WhisperedSchema,
} from "@hexhold/gen/hexhold/chat/v1/events_pb";
import { diskOf, keyText } from "@hexhold/hex";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type FakeGateway, residence, startFakeGateway, until } from "../test/fake-gateway.ts";
import type { ChatLine } from "./chat-outlet.ts";
import { type Client, connect } from "./client.ts";
import { createChat } from "./chat.ts";

const anna = new Uint8Array(16).fill(1);
const bert = new Uint8Array(16).fill(2);
let gateway: FakeGateway;
let client: Client;
/** What the server knows: messages of a channel, and who is blocked. */
let spoken: Map<string, { readonly accountId: Uint8Array; readonly text: string }[]>;
let partners: { readonly channel: string; readonly seq: bigint }[];

beforeEach(async () => {
  spoken = new Map();
  partners = [];
  gateway = await startFakeGateway();
  gateway.onFrame = (peer, content) => {
    if (content.case !== "command") return;
    const applied = <T extends Message>(schema: GenMessage<T>, message: T): void =>
      peer.answer(content.value, { case: "applied", value: { result: toBinary(schema, message) } });
    if (content.value.type === "cmd.chat.get-blocks") {
      applied(BlocksSchema, create(BlocksSchema, { blocked: [{ accountId: bert }] }));
    } else if (content.value.type === "cmd.chat.get-whispers") {
      applied(WhispersSchema, create(WhispersSchema, { partners }));
    } else if (content.value.type === "cmd.chat.get-history") {
      const { channel, before, limit } = fromBinary(GetHistorySchema, content.value.payload);
      const all = (spoken.get(channel) ?? []).map((said, n) => ({ ...said, seq: BigInt(n + 1) }));
      const older = all.filter(({ seq }) => before === 0n || seq < before).toReversed();
      const messages = older.slice(0, limit);
      const nextBefore = older.length > limit ? messages.at(-1)!.seq : 0n;
      const seq = BigInt(all.length);
      applied(HistorySchema, create(HistorySchema, { messages, nextBefore, seq }));
    }
  };
  client = await connect({ url: gateway.url, token: "t" });
});
afterEach(async () => {
  client.close();
  await gateway.stop();
});

const topic = (
  name: string,
  fields: { seq?: bigint; type?: string; payload?: Uint8Array } = {},
): void =>
  gateway.peer.send({ case: "topic", value: { topic: name, seq: 0n, version: 1, ...fields } });
const listens = (name: string) => () =>
  gateway.peer.received.some(
    ({ case: kind, value }) => kind === "listen" && value.add.includes(name),
  );

/** Says something, and tells of it unless it is lost. */
function say(channel: string, accountId: Uint8Array, text: string, isLost = false): void {
  const all = spoken.get(channel) ?? [];
  spoken.set(channel, [...all, { accountId, text }]);
  const seq = BigInt(all.length + 1);
  const name = channel === "world" ? "chat/world" : channel.replace("hex/", "chat/");
  if (isLost) return;
  const payload = toBinary(SaidSchema, create(SaidSchema, { channel, seq, accountId, text }));
  topic(name, { seq, type: "evt.chat.said", payload });
}

function heardOf<U extends { readonly kind: string }>(stream: AsyncIterable<U>) {
  const heard: string[] = [];
  const done = (async () => {
    for await (const update of stream) {
      const { text, reason, seq } = update as Partial<ChatLine & { readonly reason: string }>;
      heard.push([update.kind, text ?? reason ?? "", seq ?? ""].join(" ").trim());
    }
  })();
  return { heard, done };
}

it("says things in the channels of the contract, and whispers to an id or a name", async () => {
  const chat = createChat(client);
  void chat.say("local", "a");
  void chat.say("world", "b");
  void chat.whisper(anna, "c");
  void chat.whisper("Anna", "d");
  await until("a first command", () => gateway.peer.commands.length > 0);
  for (let n = 0; n < 4; n++) {
    await until(`command ${n}`, () => gateway.peer.commands.length > n);
    gateway.peer.answer(gateway.peer.commands[n]!, { case: "refused", value: { reason: "muted" } });
  }
  const { commands } = gateway.peer;
  expect(commands.slice(0, 2).map(({ payload }) => fromBinary(SaySchema, payload))).toMatchObject([
    { channel: 1, text: "a" },
    { channel: 2, text: "b" },
  ]);
  expect(commands.slice(2).map(({ payload }) => fromBinary(WhisperSchema, payload).to)).toEqual([
    { case: "accountId", value: anna },
    { case: "name", value: "Anna" },
  ]);
  expect(commands.map(({ key }) => key)).toEqual(Array(4).fill(undefined));
});

it("follows the world: what was said, what is said, what was lost, and not those who are blocked", async () => {
  for (const text of ["one", "two", "three"]) say("world", anna, text, true);
  const { heard, done } = heardOf(createChat(client).world({ backlog: 2 }));
  await until("it listens", listens("chat/world"));
  topic("chat/world");
  await until("the backlog", () => heard.length === 2);
  say("world", bert, "hidden");
  say("world", anna, "lost", true);
  say("world", anna, "six");
  await until("all", () => heard.length === 4);
  expect(heard).toEqual(["said two 2", "said three 3", "said lost 5", "said six 6"]);
  const payload = toBinary(RemovedSchema, create(RemovedSchema, { channel: "world", seq: 6n }));
  topic("chat/world", { type: "evt.chat.removed", payload });
  await until("the removal", () => heard.at(-1) === "removed  6");
  // The last one is lost, and marked.
  say("world", anna, "seven", true);
  topic("chat/world", { seq: 7n });
  await until("what was marked", () => heard.at(-1) === "said seven 7");
  client.close();
  await done;
});

it("is whole again after a lost connection", async () => {
  const { heard } = heardOf(createChat(client).world());
  await until("it listens", listens("chat/world"));
  topic("chat/world");
  say("world", anna, "one");
  await until("one", () => heard.length === 1);
  gateway.peer.cut();
  say2Lost();
  await until("a new connection", () => gateway.peers.length === 2 && listens("chat/world")());
  topic("chat/world", { seq: 1n });
  await until("what was said meanwhile", () => heard.length === 3);
  expect(heard).toEqual(["said one 1", "said two 2", "said three 3"]);
});

function say2Lost(): void {
  say("world", anna, "two", true);
  say("world", anna, "three", true);
}

it("follows the hexes around the player as it walks, and lets go of those behind it", async () => {
  const player = { key: residence };
  const { heard } = heardOf(createChat(client).local(player));
  const ring = diskOf(residence.hexId, 1).map((hexId) => ({ hexId, layerId: 0 }));
  const subscribed = () =>
    gateway.peer.received.flatMap(({ case: kind, value }) =>
      kind === "subscribe" ? value.keys.map(({ hexId }) => hexId) : [],
    );
  await until("all are subscribed", () => subscribed().length === 7);
  expect(new Set(subscribed())).toEqual(new Set(ring.map(({ hexId }) => hexId)));
  expect(listens(`chat/${keyText(residence)}`)()).toBe(false);
  for (const key of ring) {
    gateway.peer.send({
      case: "state",
      value: { key, activationId: Uint8Array.of(1) },
    });
  }
  for (const key of ring) {
    const name = `chat/${keyText(key)}`;
    await until(`it listens to ${name}`, listens(name));
    topic(name);
  }
  say(`hex/${keyText(residence)}`, anna, "here");
  say(`hex/${keyText(ring[3]!)}`, anna, "beside");
  await until("both", () => heard.length === 2);
  expect(heard.toSorted()).toEqual(["said beside 1", "said here 1"]);
  const next = ring[1]!;
  Object.assign(player, { key: next });
  const kept = new Set(diskOf(next.hexId, 1));
  const left = ring.filter(({ hexId }) => !kept.has(hexId)).map((key) => `chat/${keyText(key)}`);
  const dropped = () =>
    gateway.peer.received.flatMap(({ case: kind, value }) => (kind === "listen" ? value.drop : []));
  await until("it has left", () => dropped().length === 3);
  expect(dropped().toSorted()).toEqual(left.toSorted());
  await until("it has come", () => subscribed().length === 10);
});

it("hears its own whispers, those that were lost as well, and its mutes", async () => {
  const old = "whisper/a/b";
  const fresh = "whisper/a/c";
  for (const text of ["old", "older"])
    spoken.set(old, [...(spoken.get(old) ?? []), { accountId: anna, text }]);
  partners = [{ channel: old, seq: 2n }];
  const { heard } = heardOf(createChat(client).own());
  await until("the blocks are read", () => gateway.peer.commands.length === 1);
  topic("player");
  await until("the partners are read", () => gateway.peer.commands.length === 2);
  const whisper = (channel: string, text: string, isLost = false): void => {
    const all = [...(spoken.get(channel) ?? []), { accountId: anna, text }];
    spoken.set(channel, all);
    const seq = BigInt(all.length);
    const event = create(WhisperedSchema, { channel, seq, accountId: anna, text });
    const payload = toBinary(WhisperedSchema, event);
    if (!isLost) topic("player", { type: "evt.chat.whispered", payload });
  };
  whisper(old, "lost", true);
  whisper(old, "heard");
  whisper(fresh, "hello");
  await until("three", () => heard.length === 3);
  expect(heard.toSorted()).toEqual(["said heard 4", "said hello 1", "said lost 3"]);
  const muted = toBinary(MutedSchema, create(MutedSchema, { untilMs: 5n, reason: "rude" }));
  topic("player", { type: "evt.chat.muted", payload: muted });
  await until("the mute", () => heard.at(-1) === "muted rude");
  // All hints of a whisper were lost: it is read with the next mark.
  whisper(fresh, "unheard", true);
  partners = [
    { channel: fresh, seq: 2n },
    { channel: old, seq: 4n },
  ];
  topic("player");
  await until("the lost one", () => heard.at(-1) === "said unheard 2");
});

it("throws when the server has no such topic", async () => {
  const stream = createChat(client).world();
  const first = stream.next();
  await until("it listens", listens("chat/world"));
  gateway.peer.send({ case: "error", value: { topic: "chat/world", reason: "unknown-topic" } });
  await expect(first).rejects.toMatchObject({ code: "WATCH", reason: "unknown-topic" });
});
