import { create } from "@bufbuild/protobuf";
import type { Residence } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { ResidenceSchema } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import {
  EnterSchema,
  ObserveSchema,
  type ReadableView,
  SpawnSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { FireSchema } from "@hexhold/gen/hexhold/hex/v1/timer_pb";
import { GatherResultSchema, GatherSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { contracts as reference } from "@hexhold/gen/hexhold/reference/v1/contracts";
import { GatheredSchema, LevelRaisedSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { expect, it, test } from "vitest";
import type { DecisionOn } from "./contracts.ts";
import { applied, event, refused } from "./decision.ts";
import { defineGame, type GameDefinition } from "./define-game.ts";
import { residenceKit } from "./residence/residence-kit.ts";
import { bareGame, givenBareHex } from "./residence/bare-game.testing.ts";
import { playerId } from "./testing/given-hex.ts";

type Gathering = (typeof reference.commands)["cmd.hex.gather"];
type Events = ReturnType<typeof gathered>["message"];

const gathered = () => event(GatheredSchema, { amount: 1n });
const result = create(GatherResultSchema);

const residence = residenceKit<Residence, Residence>({
  of: (durable) => durable,
  with: (_before, durable) => durable,
  capacity: () => 1,
});

/** Compiled by the check of types, which fails too when one of the lines that must not compile does. */
test("what the contracts do not name does not compile", () => {
  const decisions: DecisionOn<Gathering, Events>[] = [
    refused("depleted", 10),
    applied([gathered()], result),
    // @ts-expect-error: no reason of this command.
    refused("tired"),
    // @ts-expect-error: the result is missing.
    applied([gathered()]),
    // @ts-expect-error: another message than the result.
    applied([gathered()], create(GatherSchema)),
    // @ts-expect-error: no event of this game.
    applied([event(LevelRaisedSchema, {})], result),
  ];
  expect(decisions).toHaveLength(6);

  type Definition = GameDefinition<
    [typeof residence.contracts, typeof reference],
    Residence,
    never
  >;
  // @ts-expect-error: the commands of the game itself are decided by nobody.
  const commands: Definition["commands"] = residence.commands;
  // @ts-expect-error: the events of the game itself are folded by nobody.
  const events: Definition["events"] = residence.events;
  // @ts-expect-error: the inventory must get `gathered`, so the game says what it is worth.
  const ledger: Definition["ledger"] = undefined;
  // @ts-expect-error: nothing of this game is for governance, which reads events of the kit by itself.
  const standing: Definition["standing"] = { "evt.hex.gathered": () => [] };
  expect([commands, events, ledger, standing]).toHaveLength(4);
});

it("answers observers with the readable document of a game that has no view of its own", () => {
  const hex = givenBareHex();
  hex.when(SpawnSchema, { playerId: playerId(1) });
  const seen = hex.when(ObserveSchema, {});
  expect(seen).toMatchObject({ kind: "applied", events: [] });
  const { json } = (seen as { result?: unknown }).result as ReadableView;
  expect(JSON.parse(json)).toEqual({ residents: 1 });
});

it("refuses a timer of nobody, and throws on what it does not know", () => {
  const hex = givenBareHex();
  expect(hex.when(FireSchema, { timer: "bloom:1" })).toMatchObject({ reason: "not-armed" });
  expect(() => hex.when(GatherSchema, {})).toThrow("unknown command hexhold.reference.v1.Gather");
  const { hex: rules } = bareGame();
  expect(() => rules.evolve(hex.parts, create(GatheredSchema))).toThrow(
    "unknown event hexhold.reference.v1.Gathered",
  );
});

it("names everything that its contracts have and it does not", () => {
  const definition = {
    name: "hollow",
    version: "1.0.0",
    contracts: [residence.contracts, reference] as const,
    durable: ResidenceSchema,
    stateFormat: 1,
    commands: residence.commands,
    events: residence.events,
    readable: () => ({}),
  } as unknown as Parameters<typeof defineGame>[0];
  expect(() => defineGame(definition)).toThrow(
    [
      "commands: cmd.hex.move is decided by nobody",
      "commands: cmd.hex.gather is decided by nobody",
      "commands: cmd.hex.contribute is decided by nobody",
      "commands: cmd.hex.plan-site is decided by nobody",
      "commands: cmd.hex.give-up-site is decided by nobody",
      "commands: cmd.hex.set-tax is decided by nobody",
      "events: evt.hex.player-moved is folded by nobody",
      "events: evt.hex.gathered is folded by nobody",
      "ledger: evt.hex.gathered is for inventory, and nobody says what it is worth",
      "events: evt.hex.level-raised is folded by nobody",
    ].join("\n"),
  );
});

it("takes no message twice, and no second view", () => {
  const contracts = residence.contracts;
  const definition = {
    name: "twice",
    version: "1.0.0",
    durable: ResidenceSchema,
    stateFormat: 1,
    commands: residence.commands,
    events: residence.events,
    readable: () => ({}),
  };
  const twice = { ...definition, contracts: [contracts, contracts] as const };
  expect(() => defineGame(twice)).toThrow("cmd.hex.spawn is in two sets of contracts");
  const views = { files: [], commands: {}, events: {}, view: EnterSchema } as const;
  const other = { ...views, view: SpawnSchema } as const;
  expect(() =>
    defineGame({ ...definition, contracts: [contracts, views, other] as const }),
  ).toThrow(
    "a game has one view, and its contracts name hexhold.hex.v1.Enter and hexhold.hex.v1.Spawn",
  );
});
