/** Everything that a client can get wrong, by the name of the answer it gets. A good client beside it notices nothing. */
import { setTimeout as pause } from "node:timers/promises";
import { create, fromBinary, getOption, toBinary } from "@bufbuild/protobuf";
import { contracts as accounts } from "@hexhold/gen/hexhold/accounts/v1/contracts";
import {
  ClientFrameSchema,
  ServerFrameSchema,
  type ServerFrame,
} from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  BlockSchema,
  Channel,
  ReportSchema,
  SaySchema,
} from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import { contracts as chat } from "@hexhold/gen/hexhold/chat/v1/contracts";
import { MuteSchema } from "@hexhold/gen/hexhold/chat/v1/moderation_pb";
import { contracts as governance } from "@hexhold/gen/hexhold/governance/v1/contracts";
import { contracts as hex } from "@hexhold/gen/hexhold/hex/v1/contracts";
import { contracts as inventory } from "@hexhold/gen/hexhold/inventory/v1/contracts";
import { contracts as market } from "@hexhold/gen/hexhold/market/v1/contracts";
import { contract as contractOption, Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { contracts as ownership } from "@hexhold/gen/hexhold/ownership/v1/contracts";
import { contracts as reference } from "@hexhold/gen/hexhold/reference/v1/contracts";
import { contracts as takes } from "@hexhold/gen/hexhold/takes/v1/contracts";
import { GatherSchema, MoveSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { diskOf, hexAt, parseKeyText } from "@hexhold/hex";
import { joinPlayer, type LoadPlayer, type Player, startWorld, type World } from "@hexhold/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

type Frame = NonNullable<Parameters<typeof create<typeof ClientFrameSchema>>[1]>["frame"];

let world: World;
let good: LoadPlayer;
let playing = true;
let goodLoop: Promise<void>;

beforeAll(async () => {
  // Berlin's part of the world only, so that there is an outside.
  const bounds = "811e3ffffffffff,811f3ffffffffff,811fbffffffffff";
  world = await startWorld({
    profile: "embedded",
    env: { HEXHOLD_WORLD__BOUNDS: `[${bounds}]`, HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "1000000" },
  });
  const [player] = await world.mint(1);
  good = await joinPlayer(world.status().endpoints.ws, player!);
  goodLoop = (async () => {
    await good.command("cmd.hex.enter", new Uint8Array(0));
    while (playing) {
      await good.command("cmd.hex.gather", gather(1n));
      await pause(30);
    }
  })();
});
afterAll(async () => {
  playing = false;
  await goodLoop;
  good.close();
  await world.stop();
});

/** A connection that speaks raw frames, with everything that came back. */
async function connect(player?: Player): Promise<RawClient> {
  const socket = new WebSocket(world.status().endpoints.ws, "hexhold.v1");
  socket.binaryType = "arraybuffer";
  const frames: ServerFrame[] = [];
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
  });
  socket.addEventListener("message", (message) => {
    frames.push(fromBinary(ServerFrameSchema, new Uint8Array(message.data as ArrayBuffer)));
  });
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const client: RawClient = {
    socket,
    frames,
    closed,
    send: (frame) => socket.send(bytesOf(frame)),
    async next(of) {
      await expect.poll(() => frames.find(of), { timeout: 6000, interval: 5 }).toBeDefined();
      return frames.splice(frames.findIndex(of), 1)[0]!;
    },
  };
  if (player !== undefined) {
    client.send({ case: "hello", value: { token: player.token, sdk: "bad" } });
    await client.next(({ frame }) => frame.case === "welcome");
  }
  return client;
}

interface RawClient {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[];
  readonly closed: Promise<{ code: number; reason: string }>;
  send(frame: Frame): void;
  next(of: (frame: ServerFrame) => boolean): Promise<ServerFrame>;
}

function bytesOf(frame: Frame): Uint8Array<ArrayBuffer> {
  return new Uint8Array(toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame: frame! })));
}

const gather = (amount: bigint, resource: Resource = Resource.WOOD): Uint8Array =>
  toBinary(GatherSchema, create(GatherSchema, { resource, amount }));
const move = (x: number, y: number): Uint8Array =>
  toBinary(MoveSchema, create(MoveSchema, { x, y }));

function requestId(ms = Date.now()): Uint8Array {
  const id = crypto.getRandomValues(new Uint8Array(16));
  new DataView(id.buffer).setBigUint64(0, (BigInt(ms) << 16n) | 0x7000n | BigInt(id[7]!));
  id[8] = 0x80 | (id[8]! & 0x3f);
  return id;
}

interface CommandFields {
  readonly type?: string;
  readonly version?: number;
  readonly hexId?: bigint;
  readonly layerId?: number;
  readonly noKey?: boolean;
  readonly payload?: Uint8Array;
  readonly id?: Uint8Array;
  readonly volatileSeq?: bigint;
}

/** Sends one command; the answer as `CODE reason` or `refused reason` or `applied`. */
async function answerTo(client: RawClient, player: Player, fields: CommandFields): Promise<string> {
  const id = fields.id ?? requestId();
  const key = {
    hexId: fields.hexId ?? parseKeyText(player.key).hexId,
    layerId: fields.layerId ?? 0,
  };
  client.send({
    case: "command",
    value: {
      requestId: id,
      type: fields.type ?? "cmd.hex.gather",
      version: fields.version ?? 1,
      payload: fields.payload ?? gather(1n),
      volatileSeq: fields.volatileSeq ?? 0n,
      ...(fields.noKey === true ? {} : { key }),
    },
  });
  const { frame } = await client.next(
    ({ frame }) =>
      frame.case === "answer" && Buffer.from(frame.value.requestId).equals(Buffer.from(id)),
  );
  if (frame.case !== "answer") throw new Error("not an answer");
  const { outcome } = frame.value;
  if (outcome.case === "error") {
    expect(outcome.value.message.length).toBeGreaterThan(10);
    expect(outcome.value.message).not.toMatch(/at .*\.ts:/);
    const code = Object.entries(ErrorCode).find(
      ([, value]) => value === outcome.value.errorCode,
    )?.[0];
    return `${code} ${outcome.value.reason}`;
  }
  return outcome.case === "refused" ? `refused ${outcome.value.reason}` : String(outcome.case);
}

const move1 = { type: "cmd.hex.move", payload: move(1, 1) };
const elsewhere = diskOf(hexAt(52.52, 13.405), 30).at(-1)!;

const commandRows: [string, CommandFields][] = [
  ["INVALID_ARGUMENT unknown-type", { type: "cmd.hex.nothing" }],
  ["INVALID_ARGUMENT unknown-type", { type: "evt.hex.gathered" }],
  ["PERMISSION_DENIED not-for-clients", { type: "cmd.hex.spawn" }],
  ["INVALID_ARGUMENT unknown-version", { version: 99 }],
  ["INVALID_ARGUMENT unknown-version", { version: 0 }],
  ["INVALID_ARGUMENT key-missing", { noKey: true }],
  ["INVALID_ARGUMENT not-a-cell", { hexId: 12345n }],
  ["INVALID_ARGUMENT wrong-resolution", { hexId: 0x851f1d4bfffffffn }],
  ["NOT_FOUND out-of-bounds", { hexId: hexAt(-33.9, 151.2) }],
  ["NOT_FOUND unknown-layer", { layerId: 7 }],
  ["INVALID_ARGUMENT invalid-request-id", { id: new Uint8Array(16) }],
  ["INVALID_ARGUMENT invalid-request-id", { id: new Uint8Array(3).fill(1) }],
  ["INVALID_ARGUMENT request-id-in-future", { id: requestId(Date.now() + 120_000) }],
  ["STALE_COMMAND request-id-too-old", { id: requestId(Date.now() - 72 * 3_600_000) }],
  ["INVALID_ARGUMENT volatile-seq-missing", move1],
  ["INVALID_ARGUMENT invalid-payload", { payload: gather(0n) }],
  ["INVALID_ARGUMENT invalid-payload", { payload: gather(1001n) }],
  ["INVALID_ARGUMENT invalid-payload", { payload: gather(-1n) }],
  ["INVALID_ARGUMENT invalid-payload", { payload: gather(1n, Resource.UNSPECIFIED) }],
  ["INVALID_ARGUMENT invalid-payload", { payload: gather(1n, 99 as Resource) }],
  ["INVALID_ARGUMENT invalid-payload", { payload: Uint8Array.of(0xff, 0xff) }],
  ["INVALID_ARGUMENT invalid-payload", { payload: new Uint8Array(9000) }],
  ["INVALID_ARGUMENT invalid-payload", { ...move1, payload: move(1156, 0), volatileSeq: 9n }],
  ["INVALID_ARGUMENT invalid-payload", { ...move1, payload: move(0, -1156), volatileSeq: 9n }],
  ["refused not-resident", { hexId: elsewhere }],
  ["refused offline", {}],
  ["refused offline", { ...move1, volatileSeq: 1n }],
];

describe("a bad command", () => {
  it.each(commandRows)("is answered %s (case %#)", async (expected, fields) => {
    const [player] = await world.mint(1);
    const client = await connect(player);
    expect(await answerTo(client, player!, fields)).toBe(expected);
    client.socket.close();
  });

  it("is answered refused out-of-order, outside-hex and already-online", async () => {
    const [player] = await world.mint(1);
    const client = await connect(player);
    const enter = { type: "cmd.hex.enter", payload: new Uint8Array(0) };
    expect(await answerTo(client, player!, enter)).toBe("applied");
    expect(await answerTo(client, player!, enter)).toBe("refused already-online");
    expect(await answerTo(client, player!, { ...move1, volatileSeq: 5n })).toBe("applied");
    expect(await answerTo(client, player!, { ...move1, volatileSeq: 5n })).toBe(
      "refused out-of-order",
    );
    expect(await answerTo(client, player!, { ...move1, volatileSeq: 4n })).toBe(
      "refused out-of-order",
    );
    const outside = { ...move1, payload: move(1100, 1100), volatileSeq: 6n };
    expect(await answerTo(client, player!, outside)).toBe("refused outside-hex");
    client.socket.close();
  });

  it("is answered IDEMPOTENCY_MISMATCH payload-differs", async () => {
    const [player] = await world.mint(1);
    const client = await connect(player);
    const id = requestId();
    await answerTo(client, player!, { type: "cmd.hex.enter", payload: new Uint8Array(0) });
    expect(await answerTo(client, player!, { id })).toBe("applied");
    expect(await answerTo(client, player!, { id, payload: gather(2n) })).toBe(
      "IDEMPOTENCY_MISMATCH payload-differs",
    );
    client.socket.close();
  });

  it("is answered RESOURCE_EXHAUSTED rate-limited in a flood, which ends in 4429", async () => {
    const [player] = await world.mint(1);
    const client = await connect(player);
    for (let i = 0; i < 800; i++) {
      client.send({
        case: "command",
        value: {
          requestId: requestId(),
          type: "cmd.hex.nothing",
          version: 1,
          payload: new Uint8Array(0),
        },
      });
    }
    expect((await client.closed).code).toBe(4429);
    const reasons = client.frames.flatMap(({ frame }) =>
      frame.case === "answer" && frame.value.outcome.case === "error"
        ? [frame.value.outcome.value.reason]
        : [],
    );
    expect(reasons.filter((reason) => reason === "rate-limited").length).toBeGreaterThan(100);
  });
});

const say = (text: string, channel: Channel = Channel.LOCAL): CommandFields => ({
  type: "cmd.chat.say",
  noKey: true,
  payload: toBinary(SaySchema, create(SaySchema, { channel, text })),
});
/** `text` as bytes that no string has. */
const sayBytes = (text: Uint8Array): CommandFields => ({
  ...say(""),
  payload: Uint8Array.of(8, Channel.LOCAL, 18, text.length, ...text),
});
const reportOf = (channel: string, seq: bigint): CommandFields => ({
  type: "cmd.chat.report",
  noKey: true,
  payload: toBinary(ReportSchema, create(ReportSchema, { channel, seq, reason: "rude" })),
});
const [one, other] = [
  "01890000-0000-7000-8000-00000000000a",
  "01890000-0000-7000-8000-00000000000b",
];
const smiley = "\u{1f600}";

const chatRows: [string, string, CommandFields][] = [
  ["text empty", "INVALID_ARGUMENT invalid-payload", say("")],
  ["text of blanks", "refused text-not-allowed", say(" \u3000 ")],
  ["text of 257 code points", "INVALID_ARGUMENT invalid-payload", say("a".repeat(257))],
  ["text of 256 code points", "applied", say(smiley.repeat(255) + "!")],
  ["text of 1,025 bytes", "INVALID_ARGUMENT invalid-payload", say(smiley.repeat(256) + "a")],
  ["text with control characters", "refused text-not-allowed", say("a\u0007b")],
  ["text with two lines", "refused text-not-allowed", say("a\nb")],
  ["text that turns its direction", "refused text-not-allowed", say("a\u202eb")],
  [
    "text that is not UTF-8",
    "INVALID_ARGUMENT invalid-payload",
    sayBytes(Uint8Array.of(0x61, 0xff)),
  ],
  [
    "a surrogate in UTF-8",
    "INVALID_ARGUMENT invalid-payload",
    sayBytes(Uint8Array.of(0xed, 0xa0, 0x80)),
  ],
  ["no channel", "INVALID_ARGUMENT invalid-payload", say("a", Channel.UNSPECIFIED)],
  ["a channel that there is not", "INVALID_ARGUMENT invalid-payload", say("a", 9 as Channel)],
  ["a report of nothing", "refused unknown-message", reportOf("world", 999_999n)],
  ["a report of number 0", "INVALID_ARGUMENT invalid-payload", reportOf("world", 0n)],
  ["a report of no channel", "INVALID_ARGUMENT invalid-payload", reportOf("worlds", 1n)],
  ["a report of a whisper of others", "refused not-yours", reportOf(`whisper/${one}/${other}`, 1n)],
  ["a key", "INVALID_ARGUMENT key-not-taken", { ...say("a"), noKey: false }],
];

describe("bad words", () => {
  it.each(chatRows)("%s: is answered %s", async (_, expected, fields) => {
    const [player] = await world.mint(1);
    const client = await connect(player);
    // Chat hears of the player a moment later.
    const isHeard = async () =>
      (await answerTo(client, player!, fields)) !== "refused no-residence";
    if (fields.type === "cmd.chat.say" && expected === "applied") {
      await expect.poll(isHeard, { timeout: 10_000, interval: 200 }).toBe(true);
      expect(await answerTo(client, player!, fields)).toBe("refused repeated");
    } else {
      expect(await answerTo(client, player!, fields)).toBe(expected);
    }
    client.socket.close();
  });

  it("the 501st block is refused too-many-blocks, and a mute from a client is not for clients", async () => {
    const [player] = await world.mint(1);
    const client = await connect(player);
    const block = async (n: number): Promise<string> => {
      const accountId = new Uint8Array(16).fill(7);
      new DataView(accountId.buffer).setUint32(0, n);
      const payload = toBinary(BlockSchema, create(BlockSchema, { accountId }));
      return answerTo(client, player!, { type: "cmd.chat.block", noKey: true, payload });
    };
    // As many a second as a gateway takes.
    for (let n = 0; n < 500; n++) {
      const answer = await block(n);
      if (answer.startsWith("RESOURCE_EXHAUSTED")) {
        n--;
        await pause(100);
      } else if (answer !== "applied") throw new Error(`block ${n}: ${answer}`);
    }
    await pause(1_000);
    expect(await block(500)).toBe("refused too-many-blocks");
    const mute = { accountId: new Uint8Array(16), off: true };
    const payload = toBinary(MuteSchema, create(MuteSchema, mute));
    expect(await answerTo(client, player!, { type: "cmd.chat.mute", noKey: true, payload })).toBe(
      "PERMISSION_DENIED not-for-clients",
    );
    client.socket.close();
  }, 120_000);
});

/** Of every package that a gateway knows. */
const serviceCommands = [
  accounts,
  chat,
  governance,
  hex,
  inventory,
  market,
  ownership,
  reference,
  takes,
]
  .flatMap(({ commands }) => Object.entries(commands))
  .filter(([, { schema }]) => !getOption(schema, contractOption).senders.includes(Sender.CLIENT))
  .map(([type]) => type);

describe("a command of services and operators", () => {
  it("is not for clients, whichever it is", async () => {
    expect(serviceCommands.length).toBeGreaterThan(20);
    for (const type of ["set-owner", "end-take"])
      expect(serviceCommands).toContain(`cmd.hex.${type}`);
    expect(serviceCommands).toContain("cmd.inventory.grant");
    expect(serviceCommands).toContain("cmd.chat.mute");
    const [player] = await world.mint(1);
    const client = await connect(player);
    const answers: string[] = [];
    for (const type of serviceCommands) {
      answers.push(
        `${type} ${await answerTo(client, player!, { type, noKey: !type.startsWith("cmd.hex.") })}`,
      );
      await pause(20);
    }
    client.socket.close();
    expect(answers).toEqual(
      serviceCommands.map((type) => `${type} PERMISSION_DENIED not-for-clients`),
    );
  });
});

describe("a bad connection", () => {
  it("is closed with 4400 after bytes that are no frame", async () => {
    const client = await connect();
    client.socket.send(Uint8Array.of(0xff, 0xff, 0xff));
    expect((await client.closed).code).toBe(4400);
  });

  it("is closed with 4400 after an empty frame, and after a second hello", async () => {
    const [player] = await world.mint(1);
    const empty = await connect(player);
    empty.socket.send(new Uint8Array(0));
    expect((await empty.closed).code).toBe(4400);
    const twice = await connect(player);
    twice.send({ case: "hello", value: { token: player!.token } });
    expect((await twice.closed).code).toBe(4400);
  });

  it("is closed with 1003 after a text frame", async () => {
    const client = await connect();
    client.socket.send("hello");
    expect((await client.closed).code).toBe(1003);
  });

  it("is closed with 1009 after a frame that is too large", async () => {
    const client = await connect();
    client.socket.send(new Uint8Array(20_000));
    expect((await client.closed).code).toBe(1009);
  });

  it("is closed with 4401 when the first frame is no hello, and 5 s without one", async () => {
    const early = await connect();
    early.send({ case: "ping", value: { nonce: 1n } });
    expect((await early.closed).code).toBe(4401);
    const silent = await connect();
    const fromMs = performance.now();
    expect((await silent.closed).code).toBe(4401);
    expect(performance.now() - fromMs).toBeGreaterThan(4000);
  });

  it.each(["bad-token", "expired-token"])("is told %s and closed with 4401", async (reason) => {
    const [player] = await world.mint(1);
    const [header, claims, signature] = player!.token.split(".") as [string, string, string];
    const forged = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<
      string,
      unknown
    >;
    const token =
      reason === "bad-token"
        ? [
            header,
            Buffer.from(JSON.stringify({ ...forged, hex: "861f1d4f7ffffff" })).toString(
              "base64url",
            ),
            signature,
          ].join(".")
        : await expiredToken();
    const client = await connect();
    client.send({ case: "hello", value: { token } });
    const { frame } = await client.next((item) => item.frame.case === "error");
    expect(frame.case === "error" && [frame.value.errorCode, frame.value.reason]).toEqual([
      ErrorCode.UNAUTHENTICATED,
      reason,
    ]);
    expect((await client.closed).code).toBe(4401);
  });

  it("is closed with 4409 when the account begins a newer session", async () => {
    const [player] = await world.mint(1);
    const older = await connect(player);
    const newer = await connect(player);
    expect((await older.closed).code).toBe(4409);
    newer.socket.close();
  });

  it("gets errors, not a close, for subscriptions it may not have", async () => {
    const [player] = await world.mint(1);
    const client = await connect(player);
    const keys = [
      { hexId: 1n, layerId: 0 },
      { hexId: elsewhere, layerId: 0 },
    ];
    client.send({ case: "subscribe", value: { keys } });
    const reasons = [];
    for (let i = 0; i < keys.length; i++) {
      const { frame } = await client.next((item) => item.frame.case === "error");
      reasons.push(frame.case === "error" && frame.value.reason);
    }
    expect(reasons).toEqual(["not-a-cell", "too-far"]);
    client.send({ case: "ping", value: { nonce: 7n } });
    await client.next(({ frame }) => frame.case === "pong" && frame.value.nonce === 7n);
    client.socket.close();
  });
});

describe("what docs/protocol.md tells who writes a client", () => {
  it("each send of one id is answered, a hex without events has state 0, and refresh has no answer", async () => {
    const [player] = await world.mint(1);
    const client = await connect(player);
    const home = parseKeyText(player!.key);
    expect(
      await answerTo(client, player!, { type: "cmd.hex.enter", payload: new Uint8Array() }),
    ).toBe("applied");
    const id = requestId();
    const command = {
      requestId: id,
      type: "cmd.hex.gather",
      version: 1,
      key: home,
      payload: gather(1n),
    };
    for (let sends = 0; sends < 3; sends++) client.send({ case: "command", value: command });
    const answers = [];
    for (let sends = 0; sends < 3; sends++) {
      const { frame } = await client.next((item) => item.frame.case === "answer");
      if (frame.case === "answer") answers.push(frame.value);
    }
    for (const answer of answers) expect(answer.requestId).toEqual(id);
    expect(new Set(answers.map(({ commandEventId }) => String(commandEventId))).size).toBe(3);
    expect(answers.map(({ replayed }) => replayed)).toEqual([false, true, true]);
    expect(new Set(answers.map(({ hexVersion }) => hexVersion)).size).toBe(1);

    const keys = diskOf(home.hexId, 2).map((hexId) => ({ hexId, layerId: 0 }));
    client.send({ case: "subscribe", value: { keys } });
    const versions = [];
    for (let states = 0; states < keys.length; states++) {
      const { frame } = await client.next((item) => item.frame.case === "state");
      if (frame.case === "state") versions.push(frame.value.hexVersion);
    }
    expect(versions).toContain(0n);

    client.frames.length = 0;
    client.send({ case: "refresh", value: { token: player!.token } });
    client.send({ case: "ping", value: { nonce: 9n } });
    await expect.poll(() => client.frames.some(({ frame }) => frame.case === "pong")).toBe(true);
    // What comes unasked stands between answers: an event of a hex, and the account's own goods.
    const unasked = new Set(["event", "topic"]);
    const came = client.frames.map(({ frame }) => frame.case!).filter((it) => !unasked.has(it));
    expect(came).toEqual(["pong"]);
    client.socket.close();
  });
});

describe("a good client beside them", () => {
  it("notices nothing", async () => {
    playing = false;
    await goodLoop;
    const bad = good.commands.filter((command) => command.answer?.outcome.case !== "applied");
    expect(bad.map((command) => command.outcomes)).toEqual([]);
    expect(good.connections).toBe(1);
    expect(good.commands.length).toBeGreaterThan(20);
  });
});

/** Signed by the world's own key, and over. */
async function expiredToken(): Promise<string> {
  const [player] = await world.mint(1, "", 1);
  await pause(7000);
  return player!.token;
}
