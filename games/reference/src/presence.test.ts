import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { Decision } from "@hexhold/actor";
import {
  EndPresenceSchema,
  EnterSchema,
  LeaveSchema,
  MoveSchema,
  SpawnSchema,
  TransferSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { PlayerEnteredSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { HexStateSchema } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evolve } from "./evolve.ts";
import { givenHex, neighbours, playerId, type TestHex, wordOf } from "./given.testing.ts";

const there = neighbours[0]!;

/** Session `n` of a player: the higher one is the newer. */
const session = (n: number): Uint8Array => new Uint8Array(16).fill(n);

function withPlayer(): TestHex {
  const hex = givenHex();
  hex.when(SpawnSchema, { playerId: playerId(1) });
  return hex;
}

const enter = (hex: TestHex, n: number): string =>
  wordOf(hex.when(EnterSchema, {}, 1, { sessionId: session(n) }));
const ended = (hex: TestHex, n: number): Decision =>
  hex.when(EndPresenceSchema, { playerId: playerId(1), sessionId: session(n) });
const end = (hex: TestHex, n: number): string => wordOf(ended(hex, n));
const isOnline = (hex: TestHex): boolean | undefined => hex.parts.durable.residents[0]?.online;

function sent(decision: Decision): Message {
  if (decision.kind === "refused") throw new Error(decision.reason);
  return decision.messages![0]!.message;
}

describe("the end of a presence", () => {
  it("takes offline who entered by that session, once", () => {
    const hex = withPlayer();
    expect(enter(hex, 5)).toBe("PlayerEntered");
    expect(end(hex, 5)).toBe("PlayerLeft");
    expect(isOnline(hex)).toBe(false);
    expect(end(hex, 5)).toBe("already-offline");
  });

  it("takes offline who entered by an older session, and went on under the one that is gone", () => {
    const hex = withPlayer();
    enter(hex, 5);
    expect(end(hex, 6)).toBe("PlayerLeft");
  });

  it("does nothing to a session that has replaced the one that is gone", () => {
    const hex = withPlayer();
    enter(hex, 5);
    enter(hex, 6);
    expect(end(hex, 5)).toBe("replaced");
    expect(isOnline(hex)).toBe(true);
  });

  it("takes offline whom an earlier release left online without a session", () => {
    const hex = withPlayer();
    const old = create(PlayerEnteredSchema, { playerId: playerId(1), atMs: 1n });
    const { durable, volatile } = evolve(hex.parts, old);
    // As it was stored.
    hex.parts = {
      durable: fromBinary(HexStateSchema, toBinary(HexStateSchema, durable)),
      volatile,
    };
    expect(isOnline(hex)).toBe(true);
    expect(end(hex, 0)).toBe("PlayerLeft");
  });

  it("names the hex where the player is, or is going", () => {
    const hex = withPlayer();
    expect(
      hex.when(EndPresenceSchema, { playerId: playerId(2), sessionId: session(1) }),
    ).toMatchObject({ reason: "not-resident", detail: { wentToHexId: 0n } });
    enter(hex, 5);
    const departure = hex.when(TransferSchema, { toHexId: there.hexId }, 1);
    const detail = { wentToHexId: there.hexId };
    expect(ended(hex, 9)).toMatchObject({ reason: "in-transit", detail });
    hex.whenMessage(sent(givenHex(there).whenMessage(sent(departure))));
    expect(ended(hex, 9)).toMatchObject({ reason: "not-resident", detail });
  });
});

describe("enter", () => {
  it("takes over what a session that is gone has left, and is refused to that and to older ones", () => {
    const hex = withPlayer();
    enter(hex, 5);
    expect([enter(hex, 5), enter(hex, 4)]).toEqual(["already-online", "already-online"]);
    const taken = hex.when(EnterSchema, {}, 1, { sessionId: session(6) });
    expect(taken).toMatchObject({ kind: "applied", result: { online: 1 } });
    expect(hex.parts.durable.residents).toHaveLength(1);
    expect(enter(hex, 5)).toBe("already-online");
  });

  it("puts a player in the middle, as every observer sees it, and leaves stragglers without effect", () => {
    const hex = withPlayer();
    enter(hex, 5);
    const move = (n: number, volatileSeq: bigint): string =>
      wordOf(hex.when(MoveSchema, { x: 9, y: 9 }, 1, { sessionId: session(n), volatileSeq }));
    expect(move(5, 1n)).toBe("PlayerMoved");
    enter(hex, 6);
    expect(hex.parts.volatile.positions).toEqual([]);
    expect(move(5, 2n)).toBe("out-of-order");
    expect(move(6, 1n)).toBe("PlayerMoved");
  });
});

describe("a transfer", () => {
  it("carries the session with the player, there and back", () => {
    for (const populationBase of [0, 9]) {
      const origin = withPlayer();
      enter(origin, 5);
      const destination = givenHex(there, { populationBase });
      const departure = origin.when(TransferSchema, { toHexId: there.hexId }, 1);
      const answer = destination.whenMessage(sent(departure));
      origin.whenMessage(sent(answer));
      const hex = populationBase === 0 ? origin : destination;
      expect(hex.parts.durable.residents).toMatchObject([{ online: true, sessionId: session(5) }]);
      const other = populationBase === 0 ? destination : origin;
      expect(other.parts.durable.residents).toEqual([]);
      expect(end(hex, 4)).toBe("replaced");
      expect(end(hex, 5)).toBe("PlayerLeft");
    }
  });
});

it("whoever connects, leaves and vanishes in whatever order: online means a session not yet known to be gone", () => {
  const step = fc.record({ what: fc.constantFrom("enter", "leave", "end"), n: fc.nat(6) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const hex = withPlayer();
      /** Session by which the player is online. */
      let by: number | undefined;
      for (const { what, n } of steps) {
        if (what === "enter") {
          enter(hex, n + 1);
          by = by === undefined || n > by ? n : by;
        } else if (what === "leave") {
          hex.when(LeaveSchema, {}, 1);
          by = undefined;
        } else {
          end(hex, n + 1);
          if (by !== undefined && by <= n) by = undefined;
        }
        expect(isOnline(hex)).toBe(by !== undefined);
      }
    }),
  );
});
