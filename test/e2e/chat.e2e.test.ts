/** What players hear of each other, in a world of two gateways and two chat services. */
import { setTimeout as pause } from "node:timers/promises";
import {
  type Chat,
  type ChatLine,
  type Client,
  connect,
  createChat,
  createPlayer,
  type OwnChatUpdate,
  uuidBytes,
} from "@hexhold/client";
import { diskOf, hexText, parseKeyText } from "@hexhold/hex";
import { gatewayUrls, startWorld, type World } from "@hexhold/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

let world: World;
const clients: Client[] = [];
const home = "861f1d48fffffff";
const { hexId: homeId } = parseKeyText(home);

beforeAll(async () => {
  const off = Object.fromEntries(
    ["MARKET", "GOVERNANCE", "INVENTORY"].map((name) => [`HEXHOLD_${name}__ENABLED`, "false"]),
  );
  world = await startWorld({
    profile: "cluster",
    flags: ["--gateways", "2", "--domains", "2"],
    env: { ...off },
  });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => world?.stop());

interface Talker {
  readonly id: string;
  readonly key: string;
  readonly client: Client;
  readonly chat: Chat;
}

let joined = 0;
/** Players in a hex, each at the next gateway. */
async function join(count: number, key = ""): Promise<Talker[]> {
  const urls = gatewayUrls(world.status());
  const players = await world.mint(count, key);
  return Promise.all(
    players.map(async (player) => {
      const url = urls[joined++ % urls.length]!;
      const client = await connect({ url, token: player.token });
      clients.push(client);
      return { id: player.accountId, key: player.key, client, chat: createChat(client) };
    }),
  );
}

/** What a stream has told, as it comes. */
function heardOf<U>(iterator: AsyncIterable<U>): readonly U[] {
  const heard: U[] = [];
  void (async () => {
    for await (const update of iterator) heard.push(update);
  })();
  return heard;
}
const linesOf = (heard: readonly { readonly kind: string }[]): ChatLine[] =>
  heard.filter((update): update is ChatLine => update.kind === "said");
const textsOf = (heard: readonly { readonly kind: string }[]) =>
  linesOf(heard).map(({ text }) => text);
const soon = { timeout: 20_000, interval: 20 };

/** Resolves when the chat service knows where a player lives, and its own streams are there. */
async function untilHeard(talkers: readonly Talker[]): Promise<void> {
  await expect
    .poll(async () => {
      const read = await Promise.all(talkers.map(({ chat, key }) => chat.history(`hex/${key}`)));
      return read.filter(({ outcome }) => outcome !== "applied").length;
    }, soon)
    .toBe(0);
}

test("what is said to the world is heard by all, at both gateways, once and in one order", async () => {
  const talkers = await join(6);
  const heard = talkers.map(({ chat }) => heardOf(chat.world()));
  await pause(500);
  for (let round = 0; round < 3; round++) {
    const said = await Promise.all(
      talkers.map(({ chat }, n) => chat.say("world", `round ${round} of ${n}`)),
    );
    expect(said.map(({ outcome }) => outcome)).toEqual(Array(6).fill("applied"));
  }
  await expect.poll(() => heard.map((lines) => lines.length), soon).toEqual(Array(6).fill(18));
  const orders = heard.map((lines) => linesOf(lines).map(({ seq, text }) => `${seq} ${text}`));
  expect(new Set(orders.map((order) => order.join("\n"))).size).toBe(1);
  const numbers = linesOf(heard[0]!).map(({ seq }) => Number(seq));
  expect(numbers).toEqual(Array.from({ length: 18 }, (_, n) => numbers[0]! + n));
});

test("a limit holds over two gateways: what is at it passes, the one after it is refused, and passes in its time", async () => {
  const [first, second] = gatewayUrls(world.status());
  const [player] = await world.mint(1);
  const connectTo = async (url: string): Promise<Chat> => {
    const client = await connect({ url, token: player!.token });
    clients.push(client);
    return createChat(client);
  };
  const here = await connectTo(first!);
  for (const text of ["one", "two"])
    expect(await here.say("world", text)).toMatchObject({ outcome: "applied" });
  const there = await connectTo(second!);
  expect(await there.say("world", "three")).toMatchObject({ outcome: "applied" });
  const refused = await there.say("world", "four");
  expect(refused).toMatchObject({ outcome: "refused", reason: "too-fast" });
  const waitMs = refused.outcome === "refused" ? refused.retryAfterMs : 0;
  // Ten seconds, less what it has taken to get here.
  expect(waitMs).toBeGreaterThan(3_000);
  expect(waitMs).toBeLessThanOrEqual(10_000);
  await pause(waitMs + 20);
  expect(await there.say("world", "four")).toMatchObject({ outcome: "applied" });
});

test("local chat reaches exactly those whose ring holds the hex", async () => {
  const players = Number(process.env["HEXHOLD_CHAT_PLAYERS"] ?? 38);
  const hexes = diskOf(homeId, players > 100 ? 3 : 2).map(hexText);
  const talkers: Talker[] = [];
  for (const hex of hexes) talkers.push(...(await join(Math.ceil(players / hexes.length), hex)));
  expect(talkers.length).toBeGreaterThanOrEqual(players);
  const heard = talkers.map(({ client, chat }) => heardOf(chat.local(createPlayer(client))));
  await untilHeard(talkers);
  await pause(2_000 + talkers.length * 20);
  // Each says one thing; who lives in its hex or beside it hears it, and nobody else.
  const said = await Promise.all(talkers.map(({ chat, id }) => chat.say("local", `by ${id}`)));
  expect(new Set(said.map(({ outcome }) => outcome))).toEqual(new Set(["applied"]));
  const expected = talkers.map(({ key }) => {
    const ring = new Set(diskOf(parseKeyText(key).hexId, 1).map(hexText));
    return talkers
      .filter((other) => ring.has(other.key))
      .map(({ id }) => `by ${id}`)
      .toSorted();
  });
  await expect.poll(() => heard.map((lines) => textsOf(lines).toSorted()), soon).toEqual(expected);
  // Nothing comes late to those who are too far.
  await pause(3_000);
  expect(heard.map((lines) => textsOf(lines).toSorted())).toEqual(expected);
}, 120_000);

test("who walks hears the hexes around it, and not those that it has left", async () => {
  const [walker] = await join(1, home);
  const player = createPlayer(walker!.client);
  const heard = heardOf(walker!.chat.local(player, { backlog: 0 }));
  expect(await player.enter()).toMatchObject({ outcome: "applied" });
  const [, next] = diskOf(homeId, 1);
  const nearNext = new Set(diskOf(next!, 1));
  const nearHome = new Set(diskOf(homeId, 1));
  const left = diskOf(homeId, 1).find((hex) => !nearNext.has(hex))!;
  const ahead = diskOf(next!, 1).find((hex) => !nearHome.has(hex))!;
  const [[behind], [before]] = await Promise.all([join(1, hexText(left)), join(1, hexText(ahead))]);
  await untilHeard([walker!, behind!, before!]);
  await pause(1_000);
  await behind!.chat.say("local", "seen off");
  await before!.chat.say("local", "too early");
  await expect.poll(() => textsOf(heard), soon).toContain("seen off");
  expect(textsOf(heard)).not.toContain("too early");
  expect(await player.transfer({ hexId: next!, layerId: 0 })).toMatchObject({ end: "arrived" });
  // Its words follow it as soon as chat has heard of it.
  await expect
    .poll(
      async () => {
        const said = await walker!.chat.say("local", `here ${performance.now()}`);
        return said.outcome === "applied" ? said.result.channel : said.outcome;
      },
      { timeout: 20_000, interval: 1_100 },
    )
    .toBe(`hex/${hexText(next!)}`);
  await expect
    .poll(
      async () => {
        await before!.chat.say("local", `welcome ${performance.now()}`);
        return textsOf(heard).some((text) => text.startsWith("welcome"));
      },
      { timeout: 20_000, interval: 1_100 },
    )
    .toBe(true);
  const count = heard.length;
  expect(await behind!.chat.say("local", "too late")).toMatchObject({ outcome: "applied" });
  await pause(2_500);
  expect(textsOf(heard.slice(count))).not.toContain("too late");
}, 120_000);

test("a whisper is heard by two, blocked ones by nobody, and a reported one is read, removed and muted by a moderator", async () => {
  const [anna, bert, carl] = (await join(3)) as [Talker, Talker, Talker];
  await untilHeard([anna, bert, carl]);
  const heard = [anna, bert, carl].map(({ chat }) => heardOf<OwnChatUpdate>(chat.own()));
  const carlsWorld = heardOf(carl.chat.world({ backlog: 0 }));
  await pause(500);
  expect(await anna.chat.whisper(uuidBytes(bert.id), "psst")).toMatchObject({ outcome: "applied" });
  await expect.poll(() => heard.map(textsOf), soon).toEqual([["psst"], ["psst"], []]);
  const line = linesOf(heard[1]!)[0]!;
  const partners = await bert.chat.whispers();
  expect(partners.outcome === "applied" && partners.result.partners[0]?.channel).toBe(line.channel);
  // As if it did not exist.
  for (const channel of [line.channel, `whisper/${bert.id}/${bert.id}`]) {
    expect(await carl.chat.history(channel)).toMatchObject({
      outcome: "refused",
      reason: "not-yours",
    });
    expect(await carl.chat.report({ channel, seq: 1n }, "curious")).toMatchObject({
      reason: "not-yours",
    });
  }
  expect(await carl.chat.block(uuidBytes(anna.id))).toMatchObject({ outcome: "applied" });
  expect((await carl.chat.blocks()).blocked).toMatchObject([{ accountId: uuidBytes(anna.id) }]);
  expect(await anna.chat.whisper(uuidBytes(carl.id), "psst")).toMatchObject({
    reason: "not-accepted",
  });
  await anna.chat.say("world", "not for carl");
  await bert.chat.say("world", "for carl");
  await expect.poll(() => textsOf(carlsWorld), soon).toContain("for carl");
  expect(textsOf(carlsWorld)).not.toContain("not for carl");

  expect(await bert.chat.report(line, "he is rude")).toMatchObject({ outcome: "applied" });
  const listed = await world.hexctl("chat", "reports", "--json");
  expect(listed.code).toBe(0);
  const [report] = JSON.parse(listed.output) as {
    channel: string;
    text: string;
    account: string;
  }[];
  expect(report).toMatchObject({ channel: line.channel, text: "psst", account: anna.id });
  const removed = await world.hexctl("chat", "remove", line.channel, "1", "--reason", "rude");
  expect(removed).toMatchObject({ code: 0 });
  await expect
    .poll(() => heard.map((updates) => updates.at(-1)?.kind), soon)
    .toEqual(["removed", "removed", undefined]);
  const muted = await world.hexctl("chat", "mute", anna.id, "--for", "1h", "--reason", "rude");
  expect(muted).toMatchObject({ code: 0 });
  await expect.poll(() => heard[0]!.at(-1), soon).toMatchObject({ kind: "muted", reason: "rude" });
  expect(await anna.chat.say("world", "why?")).toMatchObject({ reason: "muted" });
  expect(await world.hexctl("chat", "unmute", anna.id, "--reason", "sorry")).toMatchObject({
    code: 0,
  });
  expect(await anna.chat.say("world", "thanks")).toMatchObject({ outcome: "applied" });
  const wrong = await world.hexctl("chat", "remove", line.channel, "77", "--reason", "rude");
  expect(wrong.code).toBe(1);
  expect(wrong.output).toContain("there is no such message");
}, 120_000);
