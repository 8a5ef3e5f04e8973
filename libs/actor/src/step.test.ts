import { create, type Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { GatherSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { HexStateSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { Durability, Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { expect, it } from "vitest";
import type { Aggregate, ArmedTimer, Decision } from "./game.ts";
import { initialActor, RulesContractError, type StepOutcome, step } from "./step.ts";

const key = { hexId: 0x861f1d48fffffffn, layerId: 0 };
const state = create(HexStateSchema);
const event = { schema: GatherSchema as GenMessage<Message>, message: create(GatherSchema) };

/** What comes of one command on rules that decide `decision`, whatever it is. */
function outcomeOf(
  decision: Decision,
  durability: Durability = Durability.DURABLE,
  armedByEvent?: ArmedTimer,
): StepOutcome {
  const aggregate = {
    durableSchema: HexStateSchema,
    volatileSchema: HexStateSchema,
    stateFormat: 1,
    initialState: () => ({ durable: state, volatile: state }),
    decide: () => decision,
    evolve: () => ({ durable: { ...state }, volatile: state }),
    timers: (durable: unknown) =>
      durable === state || armedByEvent === undefined ? [] : [armedByEvent],
    readable: () => ({}),
  } as unknown as Aggregate;
  const contract = {
    type: "cmd.test",
    messageVersion: 1,
    durability,
    refusals: new Set(["too-early"]),
    schema: GatherSchema as GenMessage<Message>,
    resultSchema: undefined,
    refusalDetailSchema: undefined,
  };
  const context = {
    key,
    nowMs: 5,
    random: new Uint8Array(16),
    sender: Sender.CLIENT,
    accountId: undefined,
    sessionId: undefined,
    volatileSeq: 0n,
    hexVersion: 0,
    worldFormat: 1,
    isInWorld: () => true,
  };
  const command = { contract, message: create(GatherSchema), context };
  const events = () => ({ type: "evt.test", messageVersion: 1, consumers: [] });
  return step(aggregate, initialActor(aggregate, key), command, events).outcome;
}

it("passes on a refusal with its time", () => {
  expect(outcomeOf({ kind: "refused", reason: "too-early" })).toMatchObject({ retryAfterMs: 0 });
  const late = outcomeOf({ kind: "refused", reason: "too-early", retryAfterMs: 0xffff_ffff });
  expect(late).toMatchObject({ kind: "refused", reason: "too-early", retryAfterMs: 0xffff_ffff });
});

it.each([1.5, -1, Number.NaN, Infinity, 2 ** 32])(
  "holds a refusal to whole milliseconds that its answer can carry, not %s",
  (retryAfterMs) => {
    expect(() => outcomeOf({ kind: "refused", reason: "too-early", retryAfterMs })).toThrow(
      /retryAfterMs is a whole number of milliseconds from 0 to 4294967295/,
    );
  },
);

const broken: [string, Decision, Durability][] = [
  ["an unknown reason", { kind: "refused", reason: "because" }, Durability.DURABLE],
  [
    "a detail without the option",
    { kind: "refused", reason: "too-early", detail: state },
    Durability.DURABLE,
  ],
  ["a durable command without an event", { kind: "applied", events: [] }, Durability.DURABLE],
  ["a read with an event", { kind: "applied", events: [event] }, Durability.READ],
  [
    "a result without the option",
    { kind: "applied", events: [event], result: state },
    Durability.DURABLE,
  ],
  [
    "a message of a volatile command",
    {
      kind: "applied",
      events: [event],
      messages: [{ ...event, to: { service: "market", subject: "x" } }],
    },
    Durability.VOLATILE,
  ],
];

it.each(broken)("names %s as a breach of the rules' contract", (_, decision, durability) => {
  expect(() => outcomeOf(decision, durability)).toThrow(RulesContractError);
});

it("numbers the events of a durable command, and not the hex's version for a volatile one", () => {
  const decision: Decision = { kind: "applied", events: [event, event] };
  expect(outcomeOf(decision)).toMatchObject({
    events: [
      { type: "evt.test", viewSeq: 1, hexVersion: 1 },
      { viewSeq: 2, hexVersion: 2 },
    ],
  });
  expect(outcomeOf(decision, Durability.VOLATILE)).toMatchObject({
    events: [
      { viewSeq: 1, hexVersion: 0 },
      { viewSeq: 2, hexVersion: 0 },
    ],
  });
});

it("arms a timer that an event brings", () => {
  const armed = { timer: "t", dueMs: 0, armedVersion: 1 };
  const applied = outcomeOf({ kind: "applied", events: [event] }, Durability.DURABLE, armed);
  expect(applied).toMatchObject({
    timers: [{ timer: "t", armed: { dueMs: 0, armedVersion: 1 } }],
  });
});

it.each([1.5, -1, Number.NaN, Infinity, 2 ** 53])(
  "holds a timer to whole numbers, not %s",
  (number) => {
    for (const wrong of [{ dueMs: number }, { armedVersion: number }]) {
      const armed = { timer: "t", dueMs: 1, armedVersion: 1, ...wrong };
      expect(() =>
        outcomeOf({ kind: "applied", events: [event] }, Durability.DURABLE, armed),
      ).toThrow(/cmd\.test: timer "t" is armed for .* both are whole numbers from 0/);
    }
  },
);
