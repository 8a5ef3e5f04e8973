import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import {
  EndPresenceSchema,
  EnterSchema,
  LeaveSchema,
  SpawnSchema,
  TransferSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { ArriveSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { PlayerEnteredSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { type Residence, ResidenceSchema } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Decision } from "../game.ts";
import { neighbours, playerId, wordOf } from "../testing/given-hex.ts";
import { bareGame, type BareHex, givenBareHex as givenHex } from "./bare-game.testing.ts";

const there = neighbours[0]!;

/** Session `n` of a player: the higher one is the newer. */
const session = (n: number): Uint8Array => new Uint8Array(16).fill(n);

function withPlayer(): BareHex {
  const hex = givenHex();
  hex.when(SpawnSchema, { playerId: playerId(1) });
  return hex;
}

const enter = (hex: BareHex, n: number): string =>
  wordOf(hex.when(EnterSchema, {}, 1, { sessionId: session(n) }));
const ended = (hex: BareHex, n: number): Decision =>
  hex.when(EndPresenceSchema, { playerId: playerId(1), sessionId: session(n) });
const end = (hex: BareHex, n: number): string => wordOf(ended(hex, n));
const isOnline = (hex: BareHex): boolean | undefined => hex.parts.durable.residents[0]?.online;

function sent(decision: Decision): Message {
  if (decision.kind === "refused") throw new Error(decision.reason);
  return decision.messages![0]!.message;
}

it("who enters is named with the transfers of its life, by which others know where it lives now", () => {
  const hex = withPlayer();
  const numberOf = (decision: Decision): unknown =>
    decision.kind === "applied" ? decision.events[0]?.message : decision.reason;
  const first = hex.when(EnterSchema, {}, 1, { sessionId: session(1) });
  expect(numberOf(first)).toMatchObject({ number: 0n });
  hex.when(ArriveSchema, {
    playerId: playerId(2),
    number: 7n,
    fromHexId: there.hexId,
    departedMs: 1n,
  });
  const second = hex.when(EnterSchema, {}, 2, { sessionId: session(1) });
  expect(numberOf(second)).toMatchObject({ playerId: playerId(2), number: 7n });
});

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
    const { durable, volatile } = bareGame().hex.evolve(hex.parts, old);
    // As it was stored.
    const stored = toBinary(ResidenceSchema, durable as Residence);
    hex.parts = { durable: fromBinary(ResidenceSchema, stored), volatile };
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
});

describe("a transfer", () => {
  it("carries the session with the player, there and back", () => {
    for (const capacity of [0, 9]) {
      const origin = withPlayer();
      enter(origin, 5);
      const destination = givenHex(there, { capacity });
      const departure = origin.when(TransferSchema, { toHexId: there.hexId }, 1);
      const answer = destination.whenMessage(sent(departure));
      origin.whenMessage(sent(answer));
      const hex = capacity === 0 ? origin : destination;
      expect(hex.parts.durable.residents).toMatchObject([{ online: true, sessionId: session(5) }]);
      const other = capacity === 0 ? destination : origin;
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
