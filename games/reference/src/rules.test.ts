import {
  EnterSchema,
  LeaveSchema,
  ObserveSchema,
  SpawnSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import {
  GatherSchema,
  type HexView,
  MoveSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import {
  type HexPresence,
  type HexState,
  Resource,
} from "@hexhold/gen/hexhold/reference/v1/state_pb";
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  givenHex as givenHexOf,
  home,
  playerId,
  type TestHex as AnyTestHex,
  wordOf,
} from "@hexhold/actor/testing";
import type { Key } from "@hexhold/hex";
import { createGame } from "./index.ts";

type TestHex = AnyTestHex<HexState, HexPresence>;

const wood = Resource.WOOD;

/** Every hex has 1000 ‰ of everything, so that a full stock holds what the option says. */
const even = { wood: 1000, stone: 1000, food: 1000, ore: 1000, herb: 1000 };
const biomes = { forest: even, hills: even, plains: even, marsh: even, mountain: even };

function givenHex(key: Key = home, options: Record<string, number> = {}): TestHex {
  return givenHexOf<HexState, HexPresence>(createGame({ biomes, ...options }), key);
}

function withPlayer(hex: TestHex, n = 1): TestHex {
  hex.when(SpawnSchema, { playerId: playerId(n) });
  hex.when(EnterSchema, {}, n);
  return hex;
}

function viewOf(hex: TestHex): HexView {
  const decision = hex.when(ObserveSchema, {}, 9);
  if (decision.kind === "refused") throw new Error(decision.reason);
  return decision.result as HexView;
}

it("brings a player into the world once for ever", () => {
  const hex = givenHex();
  expect(wordOf(hex.when(SpawnSchema, { playerId: playerId(1) }))).toBe("PlayerSpawned");
  expect(wordOf(hex.when(SpawnSchema, { playerId: playerId(1) }))).toBe("already-spawned");
});

it("takes in as many players as its level allows", () => {
  const hex = givenHex(undefined, { populationBase: 2, populationPerLevel: 1 });
  for (const n of [1, 2]) hex.when(SpawnSchema, { playerId: playerId(n) });
  expect(wordOf(hex.when(SpawnSchema, { playerId: playerId(3) }))).toBe("hex-full");
  hex.parts = { ...hex.parts, durable: { ...hex.parts.durable, level: 1 } };
  expect(wordOf(hex.when(SpawnSchema, { playerId: playerId(3) }))).toBe("PlayerSpawned");
});

it("lets a resident come and go, and nobody else", () => {
  const hex = givenHex();
  hex.when(SpawnSchema, { playerId: playerId(1) });
  expect(wordOf(hex.when(LeaveSchema, {}, 1))).toBe("already-offline");
  expect(wordOf(hex.when(EnterSchema, {}, 1))).toBe("PlayerEntered");
  expect(wordOf(hex.when(EnterSchema, {}, 1))).toBe("already-online");
  expect(wordOf(hex.when(EnterSchema, {}, 2))).toBe("not-resident");
  expect(wordOf(hex.when(LeaveSchema, {}, 1))).toBe("PlayerLeft");
  expect(wordOf(hex.when(GatherSchema, { resource: wood, amount: 1n }, 1))).toBe("offline");
});

it("moves inside the hex only, in the order of the session's numbers", () => {
  const hex = withPlayer(givenHex());
  expect(wordOf(hex.when(MoveSchema, { x: 10, y: -5 }, 1, { volatileSeq: 5n }))).toBe(
    "PlayerMoved",
  );
  expect(wordOf(hex.when(MoveSchema, { x: 11, y: 0 }, 1, { volatileSeq: 5n }))).toBe(
    "out-of-order",
  );
  expect(wordOf(hex.when(MoveSchema, { x: 1001, y: 0 }, 1, { volatileSeq: 6n }))).toBe(
    "outside-hex",
  );
  const older = { sessionId: new Uint8Array(16).fill(98), volatileSeq: 9n };
  expect(wordOf(hex.when(MoveSchema, { x: 12, y: 0 }, 1, older))).toBe("out-of-order");
  const other = { sessionId: new Uint8Array(16).fill(100), volatileSeq: 1n };
  expect(wordOf(hex.when(MoveSchema, { x: 12, y: 0 }, 1, other))).toBe("PlayerMoved");
  expect(viewOf(hex).players).toMatchObject([{ x: 12, y: 0 }]);
});

it("gives from a stock until it is empty, says when there will be enough, and lets it grow", () => {
  const hex = withPlayer(givenHex(undefined, { levelBase: 1_000_000 }));
  const gather = (amount: bigint) => hex.when(GatherSchema, { resource: wood, amount }, 1);
  expect(wordOf(gather(100n))).toBe("Gathered");
  const empty = gather(50n);
  expect(empty).toMatchObject({ reason: "depleted", retryAfterMs: 30_000 });
  expect(gather(101n)).toMatchObject({ reason: "depleted", retryAfterMs: 0 });
  hex.nowMs += 29_999;
  expect(wordOf(gather(50n))).toBe("depleted");
  hex.nowMs += 1;
  expect(wordOf(gather(50n))).toBe("Gathered");
});

it("rises by as many levels as it can pay, and keeps the rest", () => {
  const hex = withPlayer(givenHex(undefined, { stockCapacity: 10_000 }));
  expect(wordOf(hex.when(GatherSchema, { resource: wood, amount: 300n }, 1))).toBe(
    "Gathered, LevelRaised",
  );
  // 100 for the first level, 150 for the second.
  expect(hex.parts.durable).toMatchObject({ level: 2, xp: 50n });
});

it("never gives more than a stock held and grew, whatever is asked when", () => {
  const asked = fc.record({ waitMs: fc.nat(40_000), amount: fc.bigInt(1n, 150n) });
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 30 }), (steps) => {
      const hex = withPlayer(givenHex(undefined, { levelBase: 1_000_000_000 }));
      const startMs = hex.nowMs;
      let given = 0n;
      for (const { waitMs, amount } of steps) {
        hex.nowMs += waitMs;
        const decision = hex.when(GatherSchema, { resource: wood, amount }, 1);
        if (decision.kind === "applied") given += amount;
        // A stock of 100, which grows from empty to full in a minute.
        const most = 100n + (BigInt(hex.nowMs - startMs) * 100n) / 60_000n;
        expect(given).toBeLessThanOrEqual(most);
      }
    }),
    { numRuns: 50 },
  );
});

it("puts who enters in the middle, as every observer sees it, and leaves stragglers without effect", () => {
  const hex = givenHex();
  const session = (n: number): Uint8Array => new Uint8Array(16).fill(n);
  const enter = (n: number) => hex.when(EnterSchema, {}, 1, { sessionId: session(n) });
  const move = (n: number, volatileSeq: bigint): string =>
    wordOf(hex.when(MoveSchema, { x: 9, y: 9 }, 1, { sessionId: session(n), volatileSeq }));
  hex.when(SpawnSchema, { playerId: playerId(1) });
  enter(5);
  expect(move(5, 1n)).toBe("PlayerMoved");
  enter(6);
  expect(hex.parts.volatile.positions).toEqual([]);
  expect(move(5, 2n)).toBe("out-of-order");
  expect(move(6, 1n)).toBe("PlayerMoved");
});
