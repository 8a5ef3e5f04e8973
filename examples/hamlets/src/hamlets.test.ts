import { givenHex, playerId, type TestHex, wordOf } from "@hexhold/actor/testing";
import { EnterSchema, SpawnSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { SetOwnerSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { expect, it } from "vitest";
import { type Hamlet, LayStonesSchema, NameHamletSchema } from "../gen/hamlets/v1/hamlets_pb.ts";
import { createGame } from "./index.ts";

const game = createGame();

function givenPlayer(n = 1): TestHex<Hamlet> {
  const hex = givenHex<Hamlet>(game);
  hex.when(SpawnSchema, { playerId: playerId(n) });
  hex.when(EnterSchema, {}, n);
  return hex;
}

const electionId = new Uint8Array(16);

it("stones are what their player has done for the hamlet", () => {
  const hex = givenPlayer();
  const laid = hex.when(LayStonesSchema, { stones: 7 }, 1);
  expect(laid).toMatchObject({ kind: "applied", result: { stones: 7n } });
  if (laid.kind === "refused") throw new Error(laid.reason);
  expect(game.standing?.(laid.events[0]!.message)).toEqual([
    { accountId: playerId(1), value: 7n, atMs: BigInt(hex.nowMs) },
  ]);
  expect(wordOf(hex.when(LayStonesSchema, { stones: 1 }, 2))).toBe("not-resident");
  expect(wordOf(hex.when(LayStonesSchema, { stones: 101 }, 1))).toBe("out-of-range");
});

it("its owner names it until the term is over, whatever anybody does", () => {
  const hex = givenPlayer();
  expect(wordOf(hex.when(NameHamletSchema, { name: "Oak" }, 1))).toBe("not-owner");
  const untilMs = BigInt(hex.nowMs + 1000);
  hex.when(SetOwnerSchema, { number: 1n, owner: playerId(1), untilMs, electionId });
  expect(wordOf(hex.when(NameHamletSchema, { name: "Oak" }, 1))).toBe("HamletNamed");
  expect(wordOf(hex.when(NameHamletSchema, { name: "Ash" }, 2))).toBe("not-owner");
  hex.nowMs += 1000;
  expect(wordOf(hex.when(NameHamletSchema, { name: "Elm" }, 1))).toBe("not-owner");
  expect(hex.parts.durable.name).toBe("Oak");
});

it("takes owners by their numbers, each once", () => {
  const hex = givenPlayer();
  const set = (number: bigint, n: number) =>
    wordOf(
      hex.when(SetOwnerSchema, {
        number,
        owner: playerId(n),
        untilMs: BigInt(hex.nowMs + 1000),
        electionId,
      }),
    );
  expect([set(2n, 2), set(2n, 2), set(1n, 1)]).toEqual([
    "OwnerChanged",
    "stale-number",
    "stale-number",
  ]);
  expect(hex.parts.durable.owner).toMatchObject({ number: 2n, accountId: playerId(2) });
});
