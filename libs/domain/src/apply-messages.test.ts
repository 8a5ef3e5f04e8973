import { create, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  EnterResultSchema,
  EnterSchema,
  LeaveSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { Durability, Sender, Step } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { PlayerArrivedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import {
  anyone,
  bytesText,
  decodeAnswer,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  noBytes,
  type Publisher,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { messageFile } from "@hexhold/testing/message-file";
import { beforeEach, expect, it } from "vitest";
import { type Applied, type ApplyContext, applyMessages, type GivenUp } from "./apply-messages.ts";
import type { StoredResult } from "./domain-store.ts";
import { createBatchReader } from "./incoming.ts";
import {
  type CommandOutcome,
  onAsked,
  onCommand,
  onCommands,
  onEvents,
} from "./service-definition.ts";
import type { Transaction } from "./transaction.ts";
import { noWork, type Work } from "./work.ts";

const account = uuidv7Bytes();
const gateway = { service: "gateway", version: "1", instance: "gateway-1" };
const transaction: Transaction = {
  query: () => Promise.reject(new Error("the store is not asked directly")),
  onCommit: () => undefined,
};

/** What was done, in its order. */
let done: string[];
let outcomes: (count: number) => CommandOutcome[];
let results: Map<string, StoredResult>;
let claimed: Set<string>;
let leftOpen: Set<string>;

beforeEach(() => {
  done = [];
  results = new Map();
  claimed = new Set();
  leftOpen = new Set();
  outcomes = (count) =>
    Array.from({ length: count }, (_, n) => ({
      kind: "applied",
      result: create(EnterResultSchema, { online: n }),
    }));
});

const read = createBatchReader([
  onCommands(EnterSchema, (_transaction, commands) => {
    done.push(`enter ×${commands.length}`);
    return Promise.resolve(outcomes(commands.length));
  }),
  onCommand(LeaveSchema, () => {
    done.push("leave");
    return Promise.resolve({ kind: "refused", reason: "already-offline" });
  }),
  onEvents(PlayerArrivedSchema, (_transaction, events) => {
    done.push(`arrived ×${events.length}`);
    return Promise.resolve();
  }),
]);

const step = { version: 1, durability: Durability.DURABLE, senders: [Sender.MARKET] };
const steps = messageFile([
  {
    name: "Hold",
    contract: {
      ...step,
      type: "cmd.inventory.hold",
      step: Step.ASKED,
      cancel: "cmd.inventory.cancel-hold",
      end: "cmd.market.end-hold",
    },
  },
  { name: "Settle", contract: { ...step, type: "cmd.inventory.settle", step: Step.OWED } },
]);
const [HoldSchema, SettleSchema] = steps.messages as [GenMessage<Message>, GenMessage<Message>];
const told = (what: string, commands: readonly unknown[]): Promise<CommandOutcome[]> => {
  done.push(`${what} ×${commands.length}`);
  return Promise.resolve(commands.map(() => ({ kind: "applied" })));
};
const readSteps = createBatchReader(
  [
    onAsked(HoldSchema, {
      handle: (_transaction, commands) => told("hold", commands),
      refuse: () => Promise.resolve(void done.push("refuse hold")),
    }),
    onCommands(SettleSchema, (_transaction, commands) => told("settle", commands)),
  ],
  [steps],
);

const context: ApplyContext = {
  store: {
    unsent: () => Promise.resolve(new Set()),
    claim(_transaction, ids) {
      const fresh = new Set(ids.map(bytesText).filter((id) => !claimed.has(id)));
      for (const id of fresh) claimed.add(id);
      return Promise.resolve(fresh);
    },
    known: (_transaction, ids) =>
      Promise.resolve(
        new Set(ids.map(bytesText).filter((id) => claimed.has(id) || leftOpen.has(id))),
      ),
    leaveOpen(_transaction, id) {
      done.push("leave open");
      claimed.delete(bytesText(id));
      leftOpen.add(bytesText(id));
      return Promise.resolve();
    },
    results: (_transaction, keys) =>
      Promise.resolve(
        new Map([...results].filter(([key]) => keys.some((asked) => bytesText(asked) === key))),
      ),
    saveResults(_transaction, rows) {
      if (rows.length > 0) done.push(`save ×${rows.length}`);
      for (const { key, ...result } of rows) {
        if (results.has(bytesText(key))) throw new Error("a result is stored twice");
        results.set(bytesText(key), result);
      }
      return Promise.resolve();
    },
    send(_transaction, { destination }) {
      done.push(`send ${destination}`);
      return Promise.resolve();
    },
    pruneStatement: () => ({ text: "" }),
  },
  letters: {
    queue: "cmd.inventory.0",
    producer: { service: "inventory", version: "1", instance: "inventory-1" },
    nowMs: Date.now(),
  },
  staleAfterMs: 3_600_000,
};

interface Sent {
  readonly requestId?: Uint8Array;
  readonly payload?: Uint8Array;
  /** Undefined: a client, by the gateway. */
  readonly service?: string;
}

function command(
  type: string,
  { requestId = uuidv7Bytes(), payload = noBytes, service }: Sent = {},
) {
  const subject = uuidText(account);
  const accountId = service === undefined ? account : undefined;
  const target = Buffer.from(subject);
  return encodeEnvelope({
    type,
    messageVersion: 1,
    requestId,
    eventId: uuidv7Bytes(),
    correlationId: requestId,
    producer: { ...gateway, service: service ?? "gateway" },
    tsMs: Date.now(),
    idempotencyKey: idempotencyKeyOf({ accountId, requestId, type, target }),
    payload,
    ...(accountId === undefined ? {} : { accountId }),
    subject,
  });
}
const enter = (requestId: Uint8Array = uuidv7Bytes(), payload: Uint8Array = noBytes) =>
  command("cmd.hex.enter", { requestId, payload });
const leave = () => command("cmd.hex.leave");
const stepOf = (type: string, requestId: Uint8Array = uuidv7Bytes()) =>
  command(type, { requestId, service: "market" });

function arrived(eventId = uuidv7Bytes()): Uint8Array {
  const event: Message = create(PlayerArrivedSchema, { playerId: account });
  return encodeEnvelope({
    type: "evt.hex.player-arrived",
    messageVersion: 1,
    eventId,
    producer: { ...gateway, service: "worker" },
    tsMs: Date.now(),
    payload: toBinary(PlayerArrivedSchema, event as never),
    subject: uuidText(account),
  });
}

function apply(
  envelopes: readonly Uint8Array[],
  {
    givenUp,
    reader = read,
    work = noWork,
    publisher = anyone,
  }: { givenUp?: GivenUp; reader?: typeof read; work?: Work; publisher?: Publisher } = {},
): Promise<Applied[]> {
  const items = reader(encodeBatch({ routeVersion: 1n, envelopes }), publisher);
  return applyMessages(transaction, items, context, work, givenUp);
}

const said = (applied: readonly Applied[]): unknown[] =>
  applied.map(({ outcome, answer }) => {
    if (answer === undefined) return outcome;
    const { replayed, outcome: of } = decodeAnswer(answer);
    return [outcome, of.case, replayed];
  });

it("commands of one handler that follow one another are one call, and their results one statement", async () => {
  const applied = await apply([enter(), enter(), leave(), enter(), arrived(), arrived()]);
  expect(done).toEqual([
    "enter ×2",
    "save ×2",
    "leave",
    "save ×1",
    "enter ×1",
    "save ×1",
    "arrived ×2",
  ]);
  expect(applied.map(({ outcome }) => outcome)).toEqual([
    "handled",
    "handled",
    "refused",
    "handled",
    "handled",
    "handled",
  ]);
});

it("a repetition beside its command gets that command's answer, and another payload none", async () => {
  const requestId = uuidv7Bytes();
  // An unknown field: other bytes, and the same command.
  const other = new Uint8Array([0x98, 0x06, 0x01]);
  const applied = await apply([
    enter(requestId),
    enter(requestId),
    enter(),
    enter(requestId, other),
  ]);
  expect(done).toEqual(["enter ×1", "save ×1", "enter ×1", "save ×1"]);
  expect(said(applied)).toEqual([
    ["handled", "applied", false],
    ["replayed", "applied", true],
    ["handled", "applied", false],
    ["mismatch", "error", false],
  ]);
  done = [];
  expect(said(await apply([enter(requestId)]))).toEqual([["replayed", "applied", true]]);
  expect(done).toEqual([]);
});

it("as many outcomes as commands, or the handler has failed", async () => {
  outcomes = () => [];
  await expect(apply([enter(), enter()])).rejects.toThrow(
    "cmd.hex.enter: 0 outcomes of 2 commands",
  );
});

it("what is given up is not handled: each gets its letter and its result", async () => {
  const givenUp = { error: "it failed", attempts: 5 };
  const applied = await apply([enter(), leave(), arrived()], { givenUp });
  expect(done).toEqual([
    "send router",
    "save ×1",
    "send router",
    "save ×1",
    "send router",
    "leave open",
  ]);
  expect(applied.map(({ outcome }) => outcome)).toEqual(Array(3).fill("dead-lettered"));
});

it("an asked step that is given up is refused, once and for good", async () => {
  const requestId = uuidv7Bytes();
  const hold = stepOf("cmd.inventory.hold", requestId);
  const givenUp = { error: "it failed", attempts: 5 };
  await apply([hold], { givenUp, reader: readSteps });
  expect(done).toEqual(["send router", "refuse hold", "save ×1"]);
  expect(said(await apply([hold], { reader: readSteps }))).toEqual([["replayed", "error", true]]);
});

it("an owed step that is given up stays owed: its next copy is handled", async () => {
  const settle = stepOf("cmd.inventory.settle");
  const givenUp = { error: "it failed", attempts: 5 };
  await apply([settle], { givenUp, reader: readSteps });
  expect(done).toEqual(["send router", "leave open"]);
  expect(said(await apply([settle], { reader: readSteps }))).toEqual([
    ["handled", "applied", false],
  ]);
  expect(said(await apply([settle], { reader: readSteps }))).toEqual([
    ["replayed", "applied", true],
  ]);
  expect(done).toEqual(["send router", "leave open", "settle ×1", "save ×1"]);
});

const by = (service: string): Publisher => ({ kind: "service", service });
const forgedAnswer = ["forged", "error", false];

it("what somebody publishes in another's name is answered, and nothing is done or kept of it", async () => {
  const settle = stepOf("cmd.inventory.settle");
  for (const publisher of [
    by("inventory"),
    by("gateway"),
    { kind: "stranger", user: "" } as const,
  ]) {
    const applied = await apply([settle], { reader: readSteps, publisher });
    expect(said(applied)).toEqual([forgedAnswer]);
  }
  expect(said(await apply([enter(), arrived()], { publisher: by("market") }))).toEqual([
    forgedAnswer,
    forgedAnswer,
  ]);
  expect(done).toEqual([]);
  const applied = await apply([settle], { reader: readSteps, publisher: by("market") });
  expect(said(applied)).toEqual([["handled", "applied", false]]);
});

it("a router brings back what a letter has left open here, and nothing else", async () => {
  const givenUp = { error: "it failed", attempts: 5 };
  const publisher = by("router");
  const [hold, settle, event] = [
    stepOf("cmd.inventory.hold"),
    stepOf("cmd.inventory.settle"),
    arrived(),
  ];
  const bringBack = async () =>
    said([
      ...(await apply([hold, settle], { reader: readSteps, publisher })),
      ...(await apply([event], { publisher })),
    ]);
  expect(await bringBack()).toEqual([forgedAnswer, forgedAnswer, forgedAnswer]);
  await apply([hold, settle], { reader: readSteps, givenUp });
  await apply([event], { givenUp });
  done = [];
  expect(await bringBack()).toEqual([
    ["replayed", "error", true],
    ["handled", "applied", false],
    "handled",
  ]);
  expect(done).toEqual(["settle ×1", "save ×1", "arrived ×1"]);
  expect(await bringBack()).toEqual([
    ["replayed", "error", true],
    ["replayed", "applied", true],
    "replayed",
  ]);
});

it("a step that cannot be read is put aside, for nobody waits to hear that it was wrong", async () => {
  const broken = command("cmd.inventory.settle", {
    service: "market",
    payload: Uint8Array.of(255),
  });
  const forged = command("cmd.inventory.hold", { service: "chat" });
  const applied = await apply([broken, forged], { reader: readSteps });
  expect(said(applied)).toEqual(["dead-lettered", "dead-lettered"]);
  expect(done).toEqual(["send router", "leave open", "send router", "leave open"]);
});

it("an event that is given up is left open: its next copy is handled, and the one after that is known", async () => {
  const event = arrived();
  await apply([event], { givenUp: { error: "it failed", attempts: 5 } });
  await apply([event]);
  await apply([event]);
  expect(done).toEqual(["send router", "leave open", "arrived ×1"]);
});

it("locks are asked for once, before any handler, for all that will be handled and nothing else", async () => {
  const work: Work = {
    ...noWork,
    prepare: (_transaction, messages) =>
      Promise.resolve(
        void done.push(`prepare ${messages.map(({ envelope }) => envelope.type).join(", ")}`),
      ),
  };
  const known = arrived();
  const repeated = enter();
  await apply([known, repeated]);
  done = [];
  const broken = command("cmd.hex.enter", { payload: Uint8Array.of(255) });
  await apply([known, leave(), repeated, broken, arrived(), enter()], { work });
  expect(done[0]).toBe("prepare cmd.hex.leave, evt.hex.player-arrived, cmd.hex.enter");
  expect(done.slice(1).filter((what) => what.startsWith("prepare"))).toEqual([]);
  done = [];
  await apply([known, repeated], { work });
  expect(done).toEqual([]);
  // A letter locks nothing but for what it refuses.
  const givenUp = { error: "it failed", attempts: 5 };
  await apply([arrived(), enter()], { givenUp, work });
  await apply([stepOf("cmd.inventory.settle"), stepOf("cmd.inventory.hold")], {
    givenUp,
    reader: readSteps,
    work,
  });
  expect(done.filter((what) => what.startsWith("prepare"))).toEqual(["prepare cmd.inventory.hold"]);
});

it("what handles an asked step says how it is refused, and nothing else does", () => {
  expect(() =>
    createBatchReader([onCommands(HoldSchema, () => told("hold", []))], [steps]),
  ).toThrow("cmd.inventory.hold: what handles an asked step says how it is refused");
  const asked = { handle: () => told("settle", []), refuse: () => Promise.resolve() };
  expect(() => createBatchReader([onAsked(SettleSchema, asked)], [steps])).toThrow(
    "cmd.inventory.settle",
  );
});
