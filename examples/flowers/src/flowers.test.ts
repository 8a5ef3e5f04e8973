import { givenHex, neighbours, playerId, type TestHex, wordOf } from "@hexhold/actor/testing";
import { EnterSchema, SpawnSchema, TransferSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { expect, it } from "vitest";
import { PickSchema, PlantSchema } from "../gen/flowers/v1/commands_pb.ts";
import type { Meadow } from "../gen/flowers/v1/state_pb.ts";
import { createGame } from "./index.ts";

const game = createGame({ flowersMax: 2 });

function givenPlayer(n = 1): TestHex<Meadow> {
  const hex = givenHex<Meadow>(game);
  hex.when(SpawnSchema, { playerId: playerId(n) });
  hex.when(EnterSchema, {}, n);
  return hex;
}

it("grows a flower, which blooms in its time and is picked once", () => {
  const hex = givenPlayer();
  const planted = hex.when(PlantSchema, {}, 1);
  expect(wordOf(planted)).toBe("FlowerPlanted");
  expect(planted).toMatchObject({ result: { bloomMs: BigInt(hex.nowMs + 20_000) } });
  expect(wordOf(hex.when(PickSchema, {}, 1))).toBe("nothing-in-bloom");
  expect(wordOf(hex.whenDue()!)).toBe("FlowerBloomed");
  expect(wordOf(hex.when(PickSchema, {}, 1))).toBe("FlowerPicked");
  expect(wordOf(hex.when(PickSchema, {}, 1))).toBe("nothing-in-bloom");
});

it("has room for as many flowers as its options say", () => {
  const hex = givenPlayer();
  const plant = () => hex.when(PlantSchema, {}, 1);
  expect([plant(), plant()].map(wordOf)).toEqual(["FlowerPlanted", "FlowerPlanted"]);
  expect(plant()).toMatchObject({ reason: "bed-full", retryAfterMs: 20_000 });
});

it("gives the flower to who picks it, whoever planted it", () => {
  const hex = givenPlayer(1);
  hex.when(SpawnSchema, { playerId: playerId(2) });
  hex.when(EnterSchema, {}, 2);
  hex.when(PlantSchema, {}, 1);
  hex.whenDue();
  const picked = hex.when(PickSchema, {}, 2);
  if (picked.kind === "refused") throw new Error(picked.reason);
  expect(game.ledger?.(picked.events[0]!.message)).toMatchObject({
    postings: [
      { holder: { kind: "mint" }, asset: "flower", amount: -1n },
      { holder: { kind: "player", accountId: playerId(2) }, asset: "flower", amount: 1n },
    ],
  });
});

it("is closed to who lives elsewhere, and to who is on the way there", () => {
  const hex = givenPlayer();
  expect(wordOf(hex.when(PlantSchema, {}, 2))).toBe("not-resident");
  hex.when(TransferSchema, { toHexId: neighbours[0]!.hexId }, 1);
  expect(wordOf(hex.when(PlantSchema, {}, 1))).toBe("in-transit");
});

it("says what is wrong with its options", () => {
  expect(() => createGame({ bloomMs: 0, colour: 1 })).toThrow(
    "game.options.bloomMs: expected a whole number above 0, got 0\ngame.options.colour: there is no such option",
  );
});
