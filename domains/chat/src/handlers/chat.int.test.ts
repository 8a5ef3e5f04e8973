import { create } from "@bufbuild/protobuf";
import {
  type Blocks,
  BlockSchema,
  type ChatMessage,
  GetBlocksSchema,
  GetHistorySchema,
  GetWhispersSchema,
  type History,
  ReportSchema,
  SetWhispersSchema,
  type Whispers,
} from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import {
  type Reports,
  ListReportsSchema,
  MuteSchema,
  RemoveMessageSchema,
} from "@hexhold/gen/hexhold/chat/v1/moderation_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import {
  arrived,
  beside,
  type ChatDatabase,
  commandOf,
  entered,
  far,
  home,
  local,
  newAccount,
  openChatDatabase,
  registered,
  said,
  spawned,
  type TestChat,
  whisper,
  world,
} from "../../test/chat-database.ts";
import { whisperChannel } from "../rules/channels.ts";

let database: ChatDatabase;
let chat: TestChat;
let anna: string;
let bert: string;
let carl: string;

beforeAll(async () => {
  database = await openChatDatabase();
});
afterAll(async () => database?.close());
beforeEach(async () => {
  database.nowMs = Date.now();
  chat = database.open();
  [anna, bert, carl] = [newAccount(), newAccount(), newAccount()];
  await chat.run(
    registered(anna, "Anna", database.nowMs),
    registered(bert, "Bert", database.nowMs),
    ...[anna, bert, carl].map((account) => spawned(account)),
  );
});
afterEach(async () => {
  await database.admin.query(
    "TRUNCATE chat.message, chat.channel, chat.speaker, chat.block, chat.partner, chat.report, chat.removed_text",
  );
});

const history = async (
  account: string,
  channel: string,
  page: { before?: bigint; limit?: number } = {},
): Promise<History | string> => {
  const [outcome] = await chat.run(
    commandOf(create(GetHistorySchema, { channel, ...page }), account),
  );
  return outcome?.kind === "applied" ? (outcome.result as History) : said(outcome);
};
const messagesOf = (read: History | string): readonly ChatMessage[] =>
  typeof read === "string" ? [] : read.messages;
const textsOf = (read: History | string) =>
  messagesOf(read).map(({ seq, text }) => `${seq} ${text}`);
const report = (account: string, channel: string, seq: bigint) =>
  commandOf(create(ReportSchema, { channel, seq, reason: "rude" }), account);
const remove = (channel: string, seq: bigint) =>
  commandOf(create(RemoveMessageSchema, { channel, seq, reason: "rude" }), carl);
const mute = (account: string, fields: { untilMs?: bigint; off?: boolean } = {}) =>
  commandOf(create(MuteSchema, { accountId: uuidBytes(account), reason: "rude", ...fields }), carl);
const reports = async (all = false) => {
  const [outcome] = await chat.run(commandOf(create(ListReportsSchema, { all }), carl));
  return outcome?.kind === "applied" ? (outcome.result as Reports).reports : [];
};

it("what one batch says is numbered in its order, channel by channel, and told in that order", async () => {
  await chat.run(arrived(bert, beside, 1n));
  const outcomes = await chat.run(
    local(anna, "one"),
    world(anna, "to all"),
    local(bert, "elsewhere"),
    local(anna, "two"),
  );
  expect(outcomes.map(said)).toEqual([
    `hex/${home} 1`,
    "world 1",
    `hex/${beside} 1`,
    `hex/${home} 2`,
  ]);
  expect((await chat.run(local(anna, "three"))).map(said)).toEqual([`hex/${home} 3`]);
  expect(chat.told.map(({ to, seq }) => `${to} ${seq}`)).toEqual([
    `chat/${home} 1`,
    "chat/world 1",
    `chat/${beside} 1`,
    `chat/${home} 2`,
    `chat/${home} 3`,
  ]);
  expect(chat.told[0]!.message).toMatchObject({
    name: "Anna",
    text: "one",
    channel: `hex/${home}`,
  });
  expect(textsOf(await history(anna, `hex/${home}`))).toEqual(["3 three", "2 two", "1 one"]);
});

it("nothing is told, numbered or spent by what is not committed", async () => {
  const fails = chat.runHeld(
    () => Promise.reject(new Error("cut")),
    local(anna, "lost"),
    world(anna),
  );
  await expect(fails).rejects.toThrow("cut");
  expect(chat.told).toEqual([]);
  expect((await chat.run(local(anna, "kept"))).map(said)).toEqual([`hex/${home} 1`]);
  expect(await database.rows("SELECT channel FROM chat.channel")).toEqual([
    { channel: `hex/${home}` },
  ]);
});

it("two instances that talk at once leave no hole and no twin", async () => {
  const other = database.open();
  const speakers = Array.from({ length: 40 }, () => newAccount());
  await chat.run(...speakers.map((account) => spawned(account)));
  const batches = speakers.map((account, n) => {
    const messages = [local(account), world(account), whisper(account, n % 2 === 0 ? anna : bert)];
    return (n % 2 === 0 ? chat : other).run(...messages);
  });
  const outcomes = (await Promise.all(batches)).flat().map(said);
  for (const channel of [`hex/${home}`, "world"]) {
    const numbers = outcomes
      .filter((word) => word.startsWith(`${channel} `))
      .map((word) => Number(word.split(" ")[1]))
      .toSorted((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    const rows = await database.rows<{ seq: string }>(
      "SELECT seq FROM chat.message WHERE channel = $1 ORDER BY seq",
      [channel],
    );
    expect(rows.map(({ seq }) => Number(seq))).toEqual(numbers);
  }
}, 60_000);

it("the database keeps no number without its message", async () => {
  const keep = (after: number) =>
    database.pool.query(
      "SELECT chat.keep_seq(ARRAY['world'], ARRAY[0]::bigint[], ARRAY[$1]::bigint[], current_date)",
      [after],
    );
  await database.pool.query("SELECT * FROM chat.next_seq(ARRAY['world'])");
  await expect(keep(1)).rejects.toThrow("world: 0 messages from 0 to 1");
});

it("a player speaks where it lives now, by the number of its transfers, and nowhere else", async () => {
  await chat.run(arrived(anna, far, 2n), arrived(anna, beside, 1n), entered(anna, home, 0n));
  expect((await chat.run(local(anna))).map(said)).toEqual([`hex/${far} 1`]);
  await chat.run(entered(anna, home, 3n));
  expect((await chat.run(local(anna))).map(said)).toEqual([`hex/${home} 1`]);
  const nobody = newAccount();
  expect((await chat.run(local(nobody), world(nobody))).map(said)).toEqual([
    "no-residence",
    "world 1",
  ]);
});

it("limits hold over instances: what is at one passes, the one after it is refused with its time", async () => {
  const other = database.open();
  const outcomes = [];
  for (let n = 0; n < 6; n++)
    outcomes.push(...(await (n % 2 === 0 ? chat : other).run(local(anna))));
  expect(outcomes.map(said)).toEqual(
    [1, 2, 3, 4, 5].map((n) => `hex/${home} ${n}`).concat("too-fast"),
  );
  expect(outcomes.at(-1)).toMatchObject({ retryAfterMs: 1_000 });
  database.nowMs += 1_000;
  expect((await other.run(local(anna))).map(said)).toEqual([`hex/${home} 6`]);
  const worlds = await chat.run(world(anna), world(anna), world(anna), world(anna));
  expect(worlds.map(said)).toEqual(["world 1", "world 2", "world 3", "too-fast"]);
  expect(worlds.at(-1)).toMatchObject({ retryAfterMs: 10_000 });
});

it("twenty refusals mute, tell the player until when, and are forgotten with an operator's word", async () => {
  const batch = Array.from({ length: 25 }, () => local(anna));
  const outcomes = (await chat.run(...batch)).map(said);
  expect(outcomes.slice(5)).toEqual(Array(20).fill("too-fast"));
  expect((await chat.run(world(anna))).map(said)).toEqual(["muted"]);
  expect((await chat.run(whisper(anna, bert))).map(said)).toEqual(["muted"]);
  const mutes = chat.told.filter(({ message }) => message.$typeName === "hexhold.chat.v1.Muted");
  expect(mutes.map(({ to, message }) => ({ to, message }))).toMatchObject([
    {
      to: anna,
      message: { untilMs: BigInt(database.nowMs + 300_000), reason: "too many messages" },
    },
  ]);
  await chat.run(mute(anna, { off: true }));
  expect((await chat.run(world(anna))).map(said)).toEqual(["world 1"]);
  expect(await chat.metric('hexhold_chat_mutes_total{by="service"}')).toBe(1);
});

it("the same text again is refused, in that channel and for 30 s", async () => {
  const outcomes = await chat.run(
    local(anna, "Buy gold"),
    local(anna, "BUY  GOLD"),
    world(anna, "Buy gold"),
    local(bert, "Buy gold"),
  );
  expect(outcomes.map(said)).toEqual([`hex/${home} 1`, "repeated", "world 1", `hex/${home} 2`]);
  database.nowMs += 30_000;
  expect((await chat.run(local(anna, "buy gold"))).map(said)).toEqual([`hex/${home} 3`]);
});

it("the world hears accounts of ten minutes whose players have been in it", async () => {
  const strict = database.open({ worldMinAgeMinutes: 10 });
  expect((await strict.run(world(anna), world(carl))).map(said)).toEqual(["too-new", "too-new"]);
  database.nowMs += 600_000;
  expect((await strict.run(world(anna))).map(said)).toEqual(["too-new"]);
  await strict.run(entered(anna));
  expect((await strict.run(world(anna))).map(said)).toEqual(["world 1"]);
});

it("texts are kept as they were let through", async () => {
  const looked = database.open(
    {},
    {
      moderate(text) {
        if (text === "down") throw new Error("the filter is down");
        if (text === "no") return { kind: "refuse" };
        return text === "darn" ? { kind: "mask", text: "****" } : { kind: "allow" };
      },
    },
  );
  const outcomes = await looked.run(
    local(anna, " a  b "),
    local(anna, "darn"),
    local(anna, "no"),
    local(anna, "down"),
    local(anna, "a\u202eb"),
  );
  expect(outcomes.map(said)).toEqual([
    `hex/${home} 1`,
    `hex/${home} 2`,
    "text-not-allowed",
    `hex/${home} 3`,
    "text-not-allowed",
  ]);
  expect(await database.rows("SELECT text, state, flagged FROM chat.message ORDER BY seq")).toEqual(
    [
      { text: "a b", state: 1, flagged: false },
      { text: "****", state: 2, flagged: false },
      { text: "down", state: 1, flagged: true },
    ],
  );
  expect(await looked.metric('hexhold_chat_refused_total{reason="text-not-allowed"}')).toBe(2);
});

it("a whisper is told to the two alone, by id or by name, and read by them alone", async () => {
  const channel = whisperChannel(anna, bert);
  const outcomes = await chat.run(whisper(anna, bert, "one"), whisper(bert, "ANNA", "two"));
  expect(outcomes.map(said)).toEqual([`${channel} 1`, `${channel} 2`]);
  expect(chat.told.map(({ to }) => to)).toEqual([anna, bert, bert, anna]);
  expect(chat.told[0]!.message).toMatchObject({
    name: "Anna",
    toName: "Bert",
    text: "one",
    seq: 1n,
  });
  for (const account of [anna, bert]) {
    expect(textsOf(await history(account, channel))).toEqual(["2 two", "1 one"]);
  }
  // As one that does not exist.
  expect(await history(carl, channel)).toBe("not-yours");
  expect(await history(carl, whisperChannel(anna, newAccount()))).toBe("not-yours");
  expect(
    (
      await chat.run(
        report(carl, channel, 1n),
        report(carl, whisperChannel(anna, newAccount()), 1n),
      )
    ).map(said),
  ).toEqual(["not-yours", "not-yours"]);
  const [outcome] = await chat.run(commandOf(create(GetWhispersSchema, {}), anna));
  const { partners } = (outcome as { result: unknown }).result as Whispers;
  expect(partners).toMatchObject([{ name: "Bert", channel, seq: 2n }]);
  const refused = await chat.run(
    whisper(anna, anna),
    whisper(anna, "Anna"),
    whisper(anna, newAccount()),
    whisper(anna, "Nobody"),
  );
  expect(refused.map(said)).toEqual(["yourself", "yourself", "unknown-player", "unknown-player"]);
});

it("whispers are for who takes them, and not of who is blocked", async () => {
  const block = (account: string, other: string, off = false) =>
    commandOf(create(BlockSchema, { accountId: uuidBytes(other), off }), account);
  const setWhispers = (account: string, off: boolean) =>
    commandOf(create(SetWhispersSchema, { off }), account);
  expect(
    (await chat.run(block(bert, anna), block(bert, anna), block(bert, bert))).map(said),
  ).toEqual(["applied", "applied", "yourself"]);
  expect(
    (await chat.run(whisper(anna, bert), whisper(carl, bert), whisper(bert, anna))).map(said),
  ).toEqual(["not-accepted", `${whisperChannel(bert, carl)} 1`, `${whisperChannel(anna, bert)} 1`]);
  await chat.run(block(bert, anna, true), setWhispers(carl, true));
  expect((await chat.run(whisper(anna, bert), whisper(anna, carl))).map(said)).toEqual([
    `${whisperChannel(anna, bert)} 2`,
    "not-accepted",
  ]);
  const [outcome] = await chat.run(commandOf(create(GetBlocksSchema, {}), carl));
  expect((outcome as { result: unknown }).result as Blocks).toMatchObject({
    blocked: [],
    whispersOff: true,
  });
  await chat.run(setWhispers(carl, false));
  expect((await chat.run(whisper(anna, carl))).map(said)).toEqual([
    `${whisperChannel(anna, carl)} 1`,
  ]);
});

it("500 accounts are blocked, the 501st is one too many; all are read by pages", async () => {
  const others = Array.from({ length: 501 }, () => newAccount()).toSorted();
  const outcomes = await chat.run(
    ...others.map((other) => commandOf(create(BlockSchema, { accountId: uuidBytes(other) }), anna)),
  );
  expect(outcomes.map(said)).toEqual([...Array(500).fill("applied"), "too-many-blocks"]);
  const read: string[] = [];
  for (let after: Uint8Array = new Uint8Array(0); ;) {
    const [outcome] = await chat.run(commandOf(create(GetBlocksSchema, { after }), anna));
    const page = (outcome as { result: unknown }).result as Blocks;
    expect(page.blocked.length).toBe(100);
    read.push(...page.blocked.map(({ accountId }) => uuidText(accountId)));
    if (page.nextAfter.length === 0) break;
    after = page.nextAfter;
  }
  expect(read).toEqual(others.slice(0, 500));
}, 60_000);

it("one begins to whisper with twenty others in an hour, within a batch too; answers are free", async () => {
  const fast = database.open({ whisper: { burst: 100, perSecond: 1 } });
  const others = Array.from({ length: 22 }, () => newAccount());
  await fast.run(...others.map((account) => spawned(account)));
  await fast.run(whisper(others[0]!, anna));
  database.nowMs += 1_000;
  // To the first one it is an answer.
  const first = await fast.run(...others.slice(0, 11).map((other) => whisper(anna, other)));
  const second = await fast.run(...others.slice(11).map((other) => whisper(anna, other)));
  expect(first.concat(second).map((outcome) => outcome.kind)).toEqual([
    ...Array(21).fill("applied"),
    "refused",
  ]);
  expect(second.at(-1)).toMatchObject({ reason: "too-fast", retryAfterMs: 3_600_000 });
  expect((await fast.run(whisper(anna, others[5]!))).map(said)[0]).toMatch(/^whisper/);
});

it("history is read by pages, where one is or beside it", async () => {
  const slow = database.open({ local: { burst: 100, perSecond: 1 } });
  for (let n = 1; n <= 60; n++) await slow.run(local(anna, `line ${n}`));
  const first = await history(bert, `hex/${home}`);
  expect(textsOf(first)).toHaveLength(50);
  expect(first).toMatchObject({ seq: 60n, nextBefore: 11n });
  const rest = await history(bert, `hex/${home}`, { before: 11n });
  expect(textsOf(rest).at(-1)).toBe("1 line 1");
  expect(rest).toMatchObject({ seq: 60n, nextBefore: 0n });
  await chat.run(arrived(bert, beside, 1n));
  expect(textsOf(await history(bert, `hex/${home}`, { limit: 1 }))).toEqual(["60 line 60"]);
  await chat.run(arrived(bert, far, 2n));
  expect(await history(bert, `hex/${home}`)).toBe("too-far");
  expect((await chat.run(report(bert, `hex/${home}`, 1n))).map(said)).toEqual(["too-far"]);
  expect(await history(bert, "world")).toMatchObject({ messages: [], seq: 0n });
});

it("a message is reported once by each, and its reports end when it is removed", async () => {
  const channel = `hex/${home}`;
  await chat.run(local(anna, "rude"), local(anna, "more"));
  const outcomes = await chat.run(
    report(bert, channel, 1n),
    report(bert, channel, 1n),
    report(carl, channel, 1n),
    report(carl, channel, 3n),
  );
  expect(outcomes.map(said)).toEqual(["applied", "already-reported", "applied", "unknown-message"]);
  expect(await reports()).toMatchObject([
    { channel, seq: 1n, name: "Anna", text: "rude", reason: "rude" },
    { channel, seq: 1n, reporterName: "Bert", endedMs: 0n },
  ]);
  expect(
    (await chat.run(remove(channel, 1n), remove(channel, 1n), remove(channel, 9n))).map(said),
  ).toEqual(["applied", "applied", "unknown-message"]);
  const removals = chat.told.filter(
    ({ message }) => message.$typeName === "hexhold.chat.v1.Removed",
  );
  expect(removals).toMatchObject([{ to: `chat/${home}`, seq: 0n, message: { channel, seq: 1n } }]);
  const read = messagesOf(await history(bert, channel));
  expect(read.map(({ seq, text, removed }) => [seq, text, removed])).toEqual([
    [2n, "more", false],
    [1n, "", true],
  ]);
  expect(await reports()).toEqual([]);
  expect(await reports(true)).toMatchObject([{ text: "rude", removed: true }, { text: "rude" }]);
  expect(await chat.metric("hexhold_chat_removed_total")).toBe(1);
});

it("reports of one account are ten, and one a minute", async () => {
  const slow = database.open({ local: { burst: 100, perSecond: 1 } });
  for (let n = 0; n < 11; n++) await slow.run(local(anna));
  const outcomes = await chat.run(
    ...Array.from({ length: 11 }, (_, n) => report(bert, `hex/${home}`, BigInt(n + 1))),
  );
  expect(outcomes.map(said)).toEqual([...Array(10).fill("applied"), "too-fast"]);
  expect(outcomes.at(-1)).toMatchObject({ retryAfterMs: 60_000 });
});

it("a mute by an operator holds until its end, ends the account's reports, and is told", async () => {
  await chat.run(local(anna, "rude"), report(bert, `hex/${home}`, 1n));
  const untilMs = BigInt(database.nowMs + 60_000);
  expect(
    (await chat.run(mute(anna, { untilMs }), local(anna), mute(newAccount(), { untilMs }))).map(
      said,
    ),
  ).toEqual(["applied", "muted", "unknown-account"]);
  expect(await reports()).toEqual([]);
  expect(chat.told.at(-1)).toMatchObject({ to: anna, message: { untilMs, reason: "rude" } });
  const [outcome] = await chat.run(local(anna));
  expect(outcome).toMatchObject({ reason: "muted", retryAfterMs: 60_000 });
  database.nowMs += 60_000;
  expect((await chat.run(local(anna))).map(said)).toEqual([`hex/${home} 2`]);
});
