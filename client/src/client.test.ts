import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  ReadableViewSchema,
  ObserveSchema,
  TransferSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeGateway, residence, startFakeGateway, until } from "../test/fake-gateway.ts";
import { StepSchema } from "../test/step-command.ts";
import { hexDigits } from "./bytes.ts";
import { type Client, type ClientOptions, createClient } from "./client.ts";
import { createInventory } from "./inventory.ts";
import type { SessionState } from "./session.ts";

const neighbour = { toHexId: 2n, toLayerId: 0 };
const otherKey = { hexId: residence.hexId, layerId: 1 };

let gateway: FakeGateway;
const clients: Client[] = [];
const states: SessionState[] = [];
const rejections: unknown[] = [];
const noteRejection = (error: unknown): void => void rejections.push(error);

beforeEach(async () => {
  process.on("unhandledRejection", noteRejection);
  gateway = await startFakeGateway();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  states.length = 0;
  await gateway.stop();
  process.removeListener("unhandledRejection", noteRejection);
  const [rejection] = rejections.splice(0);
  if (rejection !== undefined) throw new Error("an unhandled rejection", { cause: rejection });
});

function open(options: Partial<ClientOptions> = {}): Client {
  const { timing, ...rest } = options;
  const client = createClient({
    url: gateway.url,
    token: "a-token",
    onState: (state) => states.push(state),
    timing: {
      retry: { baseMs: 5, maxMs: 20 },
      reconnect: { baseMs: 5, maxMs: 20 },
      latestEveryMs: 5,
      ...timing,
    },
    ...rest,
  });
  clients.push(client);
  return client;
}

const idsOf = (peer = gateway.peer): string[] =>
  peer.commands.map(({ requestId }) => hexDigits(requestId));

describe("commands", () => {
  test("an applied command brings its result, decoded by the message that its contract names", async () => {
    gateway.onFrame = (peer, content) => {
      if (content.case === "command") peer.apply(content.value, 42n);
    };
    const client = open();
    await client.ready;
    const outcome = await client.send(TransferSchema, residence, neighbour);
    expect(outcome).toMatchObject({
      outcome: "applied",
      result: { number: 42n },
      hexVersion: 3,
      replayed: false,
      durability: "DURABLE",
    });
    const [command] = gateway.peer.commands;
    expect(command).toMatchObject({ type: "cmd.hex.transfer", version: 1, volatileSeq: 0n });
  });

  test("a command of a domain service has no key, and waits for the one before it alone", async () => {
    const client = open();
    await client.ready;
    const inventory = createInventory(client);
    void client.send(TransferSchema, residence, neighbour);
    void inventory.balances();
    void inventory.history({ limit: 3 });
    await until("two commands", () => gateway.peer.commands.length === 2);
    const [, balances] = gateway.peer.commands;
    expect(balances?.type).toBe("cmd.inventory.get-balances");
    expect(balances?.key).toBeUndefined();
    gateway.peer.answer(balances!, { case: "applied", value: { result: new Uint8Array(0) } });
    await until("the third command", () => gateway.peer.commands.length === 3);
    expect(gateway.peer.commands[2]).toMatchObject({ type: "cmd.inventory.get-history" });
  });

  test("a refusal is final and keeps its reason and its time", async () => {
    gateway.onFrame = (peer, content) => {
      if (content.case !== "command") return;
      peer.answer(content.value, {
        case: "refused",
        value: { reason: "not-adjacent", retryAfterMs: 1500 },
      });
    };
    const client = open();
    const outcome = await client.send(TransferSchema, residence, neighbour);
    expect(outcome).toMatchObject({
      outcome: "refused",
      reason: "not-adjacent",
      retryAfterMs: 1500,
    });
    expect(gateway.peer.commands).toHaveLength(1);
  });

  test.each(["UNAVAILABLE", "RESOURCE_EXHAUSTED", "UNKNOWN_OUTCOME"] as const)(
    "%s is met by the same bytes again, with the same id",
    async (code) => {
      gateway.onFrame = (peer, content) => {
        if (content.case !== "command") return;
        if (peer.commands.length < 3) peer.fail(content.value, ErrorCode[code]);
        else peer.apply(content.value);
      };
      const client = open();
      expect(await client.send(TransferSchema, residence, neighbour)).toMatchObject({
        outcome: "applied",
      });
      expect(gateway.peer.commands).toHaveLength(3);
      expect(new Set(idsOf()).size).toBe(1);
      expect(client.stats.repetitions).toBe(2);
    },
  );

  test.each([
    "INVALID_ARGUMENT",
    "IDEMPOTENCY_MISMATCH",
    "STALE_COMMAND",
    "DEAD_LETTERED",
    "INTERNAL",
  ] as const)("%s is final", async (code) => {
    gateway.onFrame = (peer, content) => {
      if (content.case === "command") peer.fail(content.value, ErrorCode[code], "why");
    };
    const client = open();
    expect(await client.send(TransferSchema, residence, neighbour)).toMatchObject({
      outcome: "error",
      errorCode: code,
      reason: "why",
    });
    expect(gateway.peer.commands).toHaveLength(1);
  });

  test("the server's retry_after is honoured", async () => {
    const sentMs: number[] = [];
    gateway.onFrame = (peer, content) => {
      if (content.case !== "command") return;
      sentMs.push(performance.now());
      if (sentMs.length > 1) peer.apply(content.value);
      else peer.fail(content.value, ErrorCode.RESOURCE_EXHAUSTED, "slow-down", 150);
    };
    await open().send(TransferSchema, residence, neighbour);
    expect(sentMs[1]! - sentMs[0]!).toBeGreaterThanOrEqual(149);
  });

  test("a retry_after beyond the command's time ends it at once with what the server said", async () => {
    gateway.onFrame = (peer, content) => {
      if (content.case !== "command") return;
      peer.fail(content.value, ErrorCode.RESOURCE_EXHAUSTED, "too-many-dead-letters", 3_600_000);
    };
    const outcome = await open().send(TransferSchema, residence, neighbour);
    expect(outcome).toMatchObject({ outcome: "error", reason: "too-many-dead-letters" });
  });

  test("a command for a key waits for the one before it, repetitions included; other keys do not", async () => {
    let refusals = 2;
    const order: string[] = [];
    gateway.onFrame = (peer, content) => {
      if (content.case !== "command") return;
      const { key } = content.value;
      order.push(`${key?.layerId}`);
      if (key?.layerId === 0 && refusals-- > 0) peer.fail(content.value, ErrorCode.UNAVAILABLE);
      else peer.apply(content.value);
    };
    const client = open();
    await client.ready;
    const settled: string[] = [];
    const send = async (name: string, key = residence): Promise<void> => {
      await client.send(TransferSchema, key, neighbour);
      settled.push(name);
    };
    await Promise.all([send("first"), send("second"), send("other", otherKey)]);
    expect(settled).toEqual(["other", "first", "second"]);
    const ids = idsOf().filter((_, i) => order[i] === "0");
    expect(ids.slice(0, 3)).toEqual([ids[0], ids[0], ids[0]]);
    expect(ids[3]).not.toBe(ids[0]);
  });

  test("unordered commands for a key go side by side, but never twice under one id", async () => {
    const client = open();
    await client.ready;
    const requestId = client.newRequestId();
    const sent = [
      client.send(TransferSchema, residence, neighbour, { ordered: false }),
      client.send(TransferSchema, residence, neighbour, { ordered: false, requestId }),
      client.send(TransferSchema, residence, neighbour, { requestId }),
    ];
    await until("two are sent", () => gateway.peer.commands.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(gateway.peer.commands).toHaveLength(2);
    for (const command of gateway.peer.commands) gateway.peer.apply(command);
    await until("the third is sent", () => gateway.peer.commands.length === 3);
    gateway.peer.apply(gateway.peer.commands[2]!);
    await Promise.all(sent);
  });

  test("a lost connection: what was on its way is sent again with the same id, in order", async () => {
    const client = open();
    await client.ready;
    const outcomes = Promise.all([
      client.send(TransferSchema, residence, neighbour),
      client.send(TransferSchema, otherKey, neighbour),
    ]);
    await until("both are sent", () => gateway.peer.commands.length === 2);
    const before = idsOf();
    gateway.onFrame = (peer, content) => {
      if (content.case === "command") peer.apply(content.value);
    };
    gateway.peer.cut();
    expect(await outcomes).toMatchObject([{ outcome: "applied" }, { outcome: "applied" }]);
    expect(gateway.peers).toHaveLength(2);
    expect(idsOf()).toEqual(before);
  });

  test("nothing is sent to a server that has said goodbye", async () => {
    const client = open();
    await client.ready;
    gateway.onFrame = (peer, content) => {
      if (content.case === "command") peer.apply(content.value);
    };
    const goodbye = gateway.peer.closeSlowly(1001);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const outcome = client.send(TransferSchema, residence, neighbour);
    await new Promise((resolve) => setTimeout(resolve, 20));
    goodbye.go();
    expect(await outcome).toMatchObject({ outcome: "applied" });
    expect(gateway.peers).toHaveLength(2);
    expect(client.stats.repetitions).toBe(0);
  });

  test("what may have run is never called unexecuted, whatever a repetition was told", async () => {
    const client = open({ timing: { attemptsMax: 2, retry: { baseMs: 5, maxMs: 20 } } });
    await client.ready;
    const outcome = client.send(TransferSchema, residence, neighbour);
    await until("it is sent", () => gateway.peer.commands.length === 1);
    gateway.onFrame = (peer, content) => {
      if (content.case === "command") peer.fail(content.value, ErrorCode.UNAVAILABLE);
    };
    gateway.peer.cut();
    expect(await outcome).toMatchObject({ errorCode: "UNKNOWN_OUTCOME", reason: "given-up" });
  });

  test("a late answer to an earlier send ends the pause before a repetition", async () => {
    const client = open({ timing: { retry: { baseMs: 60_000, maxMs: 60_000 } } });
    await client.ready;
    gateway.onFrame = (peer, content) => {
      if (content.case !== "command") return;
      const { value } = content;
      peer.fail(value, ErrorCode.UNKNOWN_OUTCOME);
      setTimeout(() => peer.apply(value), 20);
    };
    const outcome = client.send(TransferSchema, residence, neighbour, { timeoutMs: 120_000 });
    expect(await outcome).toMatchObject({ outcome: "applied" });
    expect(gateway.peer.commands).toHaveLength(1);
  });

  test("a command that is never answered ends at its time with UNKNOWN_OUTCOME, an unsent one with UNAVAILABLE", async () => {
    const client = open();
    await client.ready;
    const [sent, unsent] = await Promise.all([
      client.send(TransferSchema, residence, neighbour, { timeoutMs: 60 }),
      client.send(TransferSchema, residence, neighbour, { timeoutMs: 30 }),
    ]);
    expect(sent).toMatchObject({ errorCode: "UNKNOWN_OUTCOME" });
    expect(unsent).toMatchObject({ errorCode: "UNAVAILABLE", reason: "not-sent" });
  });

  test("an abort ends the waiting and lets the next of its key go", async () => {
    const client = open();
    await client.ready;
    const abort = new AbortController();
    const first = client.send(TransferSchema, residence, neighbour, { signal: abort.signal });
    const second = client.send(TransferSchema, residence, neighbour);
    await until("the first is sent", () => gateway.peer.commands.length === 1);
    abort.abort(new Error("enough"));
    await expect(first).rejects.toThrow("enough");
    await until("the second is sent", () => gateway.peer.commands.length === 2);
    gateway.peer.apply(gateway.peer.commands[1]!);
    expect(await second).toMatchObject({ outcome: "applied" });
  });

  test("what is no command is an error of the programmer", async () => {
    const client = open();
    await expect(client.send(ReadableViewSchema, residence)).rejects.toThrow("is no command");
    await expect(client.send(ObserveSchema, residence)).rejects.toThrow("call observe");
  });

  test("beyond 1024 waiting commands the client says so itself", async () => {
    gateway.welcomes = false;
    const client = open();
    const waiting = Array.from({ length: 1024 }, () =>
      client.send(TransferSchema, residence, neighbour),
    );
    const outcome = await client.send(TransferSchema, residence, neighbour);
    expect(outcome).toMatchObject({ errorCode: "RESOURCE_EXHAUSTED", reason: "client-full" });
    client.close();
    const outcomes = await Promise.all(waiting);
    expect(new Set(outcomes.map((item) => item.outcome === "error" && item.errorCode))).toEqual(
      new Set(["UNAVAILABLE"]),
    );
  });

  test("request ids are made on the server's time", async () => {
    gateway.serverNow = () => Date.now() - 86_400_000;
    const client = open();
    await client.ready;
    const id = hexDigits(client.newRequestId());
    const idMs = Number.parseInt(id.slice(0, 12), 16);
    expect(Math.abs(idMs - (Date.now() - 86_400_000))).toBeLessThan(2000);
    expect(id[12]).toBe("7");
  });
});

describe("volatile commands", () => {
  test("count up, and are not repeated", async () => {
    gateway.onFrame = (peer, content) => {
      if (content.case === "command") peer.fail(content.value, ErrorCode.UNAVAILABLE);
    };
    const client = open();
    await client.ready;
    await client.send(StepSchema, residence, { x: 1 });
    await client.send(StepSchema, residence, { x: 1 });
    expect(gateway.peer.commands.map((command) => command.volatileSeq)).toEqual([1n, 2n]);
  });

  test("the newest place wins while one is on its way", async () => {
    const client = open();
    await client.ready;
    for (let x = 0; x <= 50; x++) client.sendLatest(StepSchema, residence, { x });
    await until("the first is sent", () => gateway.peer.commands.length === 1);
    gateway.peer.apply(gateway.peer.commands[0]!);
    await until("the last is sent", () => gateway.peer.commands.length === 2);
    expect(client.stats.coalesced).toBe(49);
  });
});

describe("sessions", () => {
  test("a lost connection is resumed, and closing ends it", async () => {
    const client = open();
    await client.ready;
    gateway.peer.cut();
    await until("it is back", () => client.stats.welcomes === 2);
    const [hello] = gateway.peer.received;
    expect(hello).toMatchObject({ case: "hello", value: { resume: client.welcome!.sessionId } });
    client.close();
    expect(states.map((state) => state.mode)).toEqual([
      "connecting",
      "online",
      "waiting",
      "connecting",
      "online",
      "closed",
    ]);
  });

  test.each([
    [4400, "rejected"],
    [4401, "not-authenticated"],
    [4403, "banned"],
    [4409, "newer-session"],
  ] as const)("close code %i is the end: %s", async (code, reason) => {
    const client = open();
    await client.ready;
    gateway.peer.close(code);
    await until("it is closed", () => client.state.mode === "closed");
    expect(client.state).toMatchObject({ reason });
    expect(
      await client.send(TransferSchema, residence, neighbour, { timeoutMs: 20 }),
    ).toMatchObject({
      errorCode: "UNAVAILABLE",
    });
  });

  test.each([
    [1012, "restarting"],
    [1013, "try-later"],
    [1009, "limits"],
    [4429, "limits"],
  ] as const)("close code %i is come back: %s", async (code, reason) => {
    const client = open();
    await client.ready;
    gateway.peer.close(code);
    await until("it is back", () => client.stats.welcomes === 2);
    expect(states.find((state) => state.mode === "waiting")).toMatchObject({ reason });
  });

  test("a token that is not taken ends a session with a fixed token, and says why", async () => {
    gateway.welcomes = false;
    gateway.onFrame = (peer) => {
      peer.send({
        case: "error",
        value: { errorCode: ErrorCode.UNAUTHENTICATED, reason: "expired-token" },
      });
      peer.close(4401);
    };
    await expect(open().ready).rejects.toMatchObject({ reason: "expired-token" });
    expect(gateway.peers).toHaveLength(1);
  });

  test("a token function is asked again, three times", async () => {
    gateway.welcomes = false;
    gateway.onFrame = (peer) => peer.close(4401);
    let asked = 0;
    const client = open({ token: async () => `token-${++asked}` });
    await expect(client.ready).rejects.toMatchObject({ reason: "not-authenticated" });
    expect(asked).toBe(3);
  });

  test("a token that expires is replaced on the open socket", async () => {
    let asked = 0;
    const notices: string[] = [];
    const client = open({
      token: async () => `token-${++asked}`,
      onNotice: (kind) => notices.push(kind),
    });
    await client.ready;
    gateway.peer.send({ case: "notice", value: { kind: 3 } });
    const refresh = () => gateway.peer.received.find((frame) => frame.case === "refresh");
    await until("a refresh comes", () => refresh() !== undefined);
    expect(refresh()).toMatchObject({
      value: { token: "token-2" },
    });
    expect(notices).toEqual(["token-expiring"]);
  });

  test.each([
    ["bytes that are no frame", new Uint8Array([0xff, 0xff, 0xff])],
    ["a text frame", "hello"],
  ])("%s cost the server its connection, not the client its life", async (_, data) => {
    const client = open();
    await client.ready;
    gateway.peer.sendRaw(data);
    await until("it is back", () => client.stats.welcomes === 2);
    expect(client.stats.malformed).toBe(1);
  });

  test("an answer that cannot be read is an error, not a crash", async () => {
    gateway.onFrame = (peer, content) => {
      if (content.case !== "command") return;
      const result = new Uint8Array([0xff]);
      peer.answer(content.value, { case: "applied", value: { result } });
    };
    const outcome = await open().send(TransferSchema, residence, neighbour);
    expect(outcome).toMatchObject({ errorCode: "INTERNAL", reason: "unreadable-answer" });
  });

  test("a silent server is left for a new connection", async () => {
    gateway.pongs = false;
    const client = open({ timing: { pingEveryMs: 20, silenceMsMax: 20 } });
    await client.ready;
    await until("it is back", () => client.stats.welcomes >= 2);
    expect(states.find((state) => state.mode === "waiting")).toMatchObject({ reason: "silent" });
  });

  test("a server that says goodbye and never hangs up is left as a silent one", async () => {
    const client = open({ timing: { pingEveryMs: 20, silenceMsMax: 20 } });
    await client.ready;
    gateway.peer.closeSlowly(1001);
    await until("it is back", () => client.stats.welcomes >= 2);
    expect(states.find((state) => state.mode === "waiting")).toMatchObject({ reason: "silent" });
  });

  test("an address where nobody answers is given up after its time", async () => {
    const client = open({ url: "ws://127.0.0.1:9", timing: { giveUpMs: 50 } });
    await expect(client.ready).rejects.toMatchObject({ reason: "unreachable" });
  });

  test("a listener that throws is reported and harms nobody", async () => {
    const faults: unknown[] = [];
    const client = open({
      onState: () => {
        throw new Error("mine");
      },
      onFault: (error) => faults.push(error),
    });
    await client.ready;
    expect(faults).toHaveLength(2);
  });
});
