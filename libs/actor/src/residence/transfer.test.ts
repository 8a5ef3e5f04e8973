import { create, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import {
  EnterSchema,
  LeaveSchema,
  LocateSchema,
  SpawnSchema,
  TransferSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { TransferEnd } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { FireSchema } from "@hexhold/gen/hexhold/hex/v1/timer_pb";
import {
  ArriveSchema,
  CancelTransferSchema,
  type EndTransfer,
  EndTransferSchema,
} from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { areNeighbours, diskOf, type Key } from "@hexhold/hex";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Decision } from "../game.ts";
import { home, neighbours, playerId, wordOf } from "../testing/given-hex.ts";
import { type BareHex, type BareOptions, givenBareHex as givenHex } from "./bare-game.testing.ts";
import { timersOf } from "./transfer-timers.ts";

const there = neighbours[0]!;

function to({ hexId, layerId }: Key): MessageInitShape<typeof TransferSchema> {
  return { toHexId: hexId, toLayerId: layerId };
}

/** The only message of a decision. */
function sent(decision: Decision): Message {
  if (decision.kind === "refused") throw new Error(decision.reason);
  expect(decision.messages).toHaveLength(1);
  return decision.messages![0]!.message;
}

/** Player 1 online at home. */
function atHome(options: BareOptions = {}): BareHex {
  const hex = givenHex(home, options);
  hex.when(SpawnSchema, { playerId: playerId(1) });
  hex.when(EnterSchema, {}, 1);
  return hex;
}

describe("a transfer", () => {
  it("takes a player from one hex to the next, online as it was", () => {
    const origin = atHome();
    const destination = givenHex(there);
    const departure = origin.when(TransferSchema, to(there), 1);
    expect(wordOf(departure)).toBe("PlayerDeparted");
    const arrival = destination.whenMessage(sent(departure));
    expect(wordOf(arrival)).toBe("PlayerArrived");
    expect(wordOf(origin.whenMessage(sent(arrival)))).toBe("TransferCompleted");
    expect(origin.parts.durable).toMatchObject({ residents: [], transits: [] });
    expect(destination.parts.durable.residents).toMatchObject([{ online: true, transfers: 1n }]);
    const late = origin.when(LocateSchema, {}, 1);
    expect(late).toMatchObject({ reason: "not-resident", detail: { wentToHexId: there.hexId } });
  });

  it("is refused to who is offline or elsewhere, to a hex that is no neighbour, and out of the world", () => {
    const hex = atHome();
    const far = { hexId: diskOf(home.hexId, 2).at(-1)!, layerId: 0 };
    const inWorld = (key: Key, by = 1, isInWorld = () => true): string =>
      wordOf(hex.when(TransferSchema, to(key), by, { isInWorld }));
    expect(inWorld(far)).toBe("not-adjacent");
    expect(inWorld(home)).toBe("not-adjacent");
    expect(inWorld({ ...there, layerId: 1 })).toBe("not-adjacent");
    expect(inWorld({ hexId: 5n, layerId: 0 })).toBe("not-adjacent");
    expect(inWorld(there, 1, () => false)).toBe("outside-world");
    expect(inWorld(there, 2)).toBe("not-resident");
    hex.when(LeaveSchema, {}, 1);
    expect(inWorld(there)).toBe("offline");
  });

  it("reaches the five neighbours of a pentagon", () => {
    const pentagon = { hexId: 0x860800007ffffffn, layerId: 0 };
    const around = diskOf(pentagon.hexId, 1).slice(1);
    expect(around).toHaveLength(5);
    for (const hexId of around) {
      const hex = givenHex(pentagon);
      hex.when(SpawnSchema, { playerId: playerId(1) });
      hex.when(EnterSchema, {}, 1);
      expect(wordOf(hex.when(TransferSchema, to({ hexId, layerId: 0 }), 1))).toBe("PlayerDeparted");
    }
  });

  it("lets a player in transit do nothing, log out included, and says where it is going", () => {
    const hex = atHome();
    hex.when(TransferSchema, to(there), 1);
    const tries = [
      hex.when(LeaveSchema, {}, 1),
      hex.when(EnterSchema, {}, 1),
      hex.when(LocateSchema, {}, 1),
      hex.when(TransferSchema, to(neighbours[1]!), 1),
    ];
    for (const decision of tries) {
      expect(decision).toMatchObject({
        reason: "in-transit",
        retryAfterMs: 100,
        detail: { wentToHexId: there.hexId },
      });
    }
  });

  it("ends where it began when the destination is full; who may come back has its place kept", () => {
    const origin = atHome({ capacity: 1 });
    const destination = givenHex(there, { capacity: 0 });
    const departure = origin.when(TransferSchema, to(there), 1);
    expect(wordOf(origin.when(SpawnSchema, { playerId: playerId(2) }))).toBe("hex-full");
    const refusal = destination.whenMessage(sent(departure));
    expect(wordOf(refusal)).toBe("ArrivalRefused");
    expect(wordOf(origin.whenMessage(sent(refusal)))).toBe("PlayerReturned");
    expect(origin.parts.durable.residents).toMatchObject([{ online: true, transfers: 1n }]);
    expect(origin.parts.durable.departures).toEqual([]);
    expect(wordOf(origin.when(TransferSchema, to(there), 1))).toBe("PlayerDeparted");
  });

  it("asks the destination at its deadline, ever more rarely, and never takes the player back itself", () => {
    const hex = atHome();
    hex.when(TransferSchema, to(there), 1);
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const [timer] = timersOf(hex.parts.durable);
      waits.push(timer!.dueMs - hex.nowMs);
      expect(timer!.armedVersion).toBe(hex.hexVersion);
      hex.nowMs = timer!.dueMs;
      const asked = hex.whenMessage(create(FireSchema, { timer: timer!.timer }));
      expect(wordOf(asked)).toBe("TransferQueried");
      expect(sent(asked).$typeName).toBe(CancelTransferSchema.typeName);
      expect(hex.parts.durable.residents).toEqual([]);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300].map((s) => s * 1000));
  });
});

describe("a destination", () => {
  const arrive = (number: bigint, departedMs = 5n): Message =>
    create(ArriveSchema, {
      playerId: playerId(1),
      number,
      fromHexId: home.hexId,
      online: true,
      departedMs,
    });
  const cancel = (number: bigint, departedMs = 5n): Message =>
    create(CancelTransferSchema, {
      playerId: playerId(1),
      number,
      fromHexId: home.hexId,
      departedMs,
    });

  it("answers once, and says the same again when it is asked", () => {
    const hex = givenHex(there);
    hex.whenMessage(arrive(1n));
    expect(wordOf(hex.whenMessage(arrive(1n)))).toBe("already-answered");
    const again = hex.whenMessage(cancel(1n));
    expect(wordOf(again)).toBe("TransferAnswered");
    expect(sent(again)).toMatchObject({ number: 1n, end: TransferEnd.ARRIVED });
    expect(hex.parts.durable.residents).toHaveLength(1);
  });

  it("records a refusal when it is asked before the player came, and keeps to it", () => {
    const hex = givenHex(there);
    const refusal = hex.whenMessage(cancel(1n));
    expect(wordOf(refusal)).toBe("ArrivalRefused");
    expect(sent(refusal)).toMatchObject({ end: TransferEnd.REFUSED, reason: "cancelled" });
    expect(wordOf(hex.whenMessage(arrive(1n)))).toBe("already-answered");
    expect(hex.parts.durable.residents).toEqual([]);
  });

  it("says nothing to a transfer that the player has left behind", () => {
    const hex = givenHex(there);
    hex.whenMessage(arrive(3n));
    expect(wordOf(hex.whenMessage(arrive(2n)))).toBe("stale-transfer");
    expect(wordOf(hex.whenMessage(cancel(2n)))).toBe("stale-transfer");
  });

  it("throws answers away by age, and says nothing to a transfer whose answer may be gone", () => {
    const hex = givenHex(there);
    const departedMs = BigInt(hex.nowMs);
    hex.whenMessage(arrive(1n, departedMs));
    hex.nowMs += 96 * 3_600_000 + 1;
    hex.whenMessage(
      create(ArriveSchema, { playerId: playerId(2), number: 1n, departedMs: BigInt(hex.nowMs) }),
    );
    expect(hex.parts.durable.transferAnswers).toHaveLength(1);
    expect(wordOf(hex.whenMessage(arrive(1n, departedMs)))).toBe("stale-transfer");
    expect(wordOf(hex.whenMessage(cancel(1n, departedMs)))).toBe("stale-transfer");
  });

  it("knows an old transfer for stale though its origin's clock was ahead of a later one's", () => {
    const hex = givenHex(there);
    const late = BigInt(hex.nowMs + 60_000);
    hex.whenMessage(arrive(1n, late));
    hex.whenMessage(create(ArriveSchema, { playerId: playerId(1), number: 3n, departedMs: 10n }));
    hex.nowMs += 97 * 3_600_000;
    const other = { playerId: playerId(2), number: 1n, departedMs: BigInt(hex.nowMs) };
    hex.whenMessage(create(ArriveSchema, other));
    expect(hex.parts.durable.transferAnswers).toHaveLength(1);
    expect(wordOf(hex.whenMessage(arrive(1n, late)))).toBe("stale-transfer");
  });

  it("takes the arrival of a player that is still leaving it for the answer that is missing", () => {
    const hex = atHome({ capacity: 1 });
    hex.when(TransferSchema, to(there), 1);
    expect(wordOf(hex.whenMessage(arrive(2n)))).toBe("PlayerArrived");
    expect(hex.parts.durable).toMatchObject({ transits: [], residents: [{ transfers: 2n }] });
    const late = create(EndTransferSchema, {
      playerId: playerId(1),
      number: 1n,
      end: TransferEnd.REFUSED,
    });
    expect(wordOf(hex.whenMessage(late))).toBe("not-under-way");
  });
});

/**
 * docs/models, Transfer, walked over the rules themselves: three hexes and two players that go to and fro, messages
 * that come in any order and any number of times, refusals, questions at the deadline, records thrown away by age.
 */
describe("the model", () => {
  type Mail = Message & { readonly to: Key };
  const keys = [home, there, neighbours.find((key) => areNeighbours(there.hexId, key.hexId))!];
  const players = [1, 2];
  const strangers = [11, 12, 13];
  /** Two numbers for each step: what kind of thing happens, and which of those that are possible. */
  const walk = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 20, maxLength: 120 });

  function isIn(hex: BareHex, player: number): boolean {
    return hex.parts.durable.residents.some(({ playerId: id }) => id[0] === player);
  }

  it("never has a player in two places, nor in none without an answer to come, and every transit ends", () => {
    const seen = { transfers: 0, refused: 0, forgotten: 0 };
    fc.assert(
      fc.property(walk, (choices) => {
        const hexes = keys.map((key) => givenHex(key, { capacity: 2 }));
        /** Nothing is ever taken from it: a message may come again at any time. */
        const mail: Mail[] = [];
        const post = (decision: Decision): void => {
          if (decision.kind === "refused") return;
          for (const { message, to: target } of decision.messages ?? []) {
            if ("key" in target) mail.push({ ...message, to: target.key });
          }
        };
        const deliver = (message: Mail): void =>
          post(hexes.find(({ key }) => key.hexId === message.to.hexId)!.whenMessage(message));
        const ask = (hex: BareHex): void => {
          for (const { timer, dueMs } of timersOf(hex.parts.durable)) {
            hex.nowMs = Math.max(hex.nowMs, dueMs);
            post(hex.whenMessage(create(FireSchema, { timer })));
          }
        };
        const starts = (): (() => void)[] =>
          hexes.flatMap((hex, from) =>
            players
              .filter((player) => isIn(hex, player))
              .flatMap((player) =>
                [1, 2].map((step) => () => {
                  seen.transfers++;
                  post(hex.when(TransferSchema, to(keys[(from + step) % 3]!), player));
                }),
              ),
          );
        /** A stranger takes a place, or all of them go. */
        const crowd = (hex: BareHex): void => {
          const { durable } = hex.parts;
          const isThere = strangers.some((stranger) => isIn(hex, stranger));
          const residents = durable.residents.filter(({ playerId: id }) => id[0]! < 10);
          if (isThere)
            hex.parts = { ...hex.parts, durable: { ...durable, residents, spawned: [] } };
          else hex.when(SpawnSchema, { playerId: playerId(strangers[0]!) });
        };
        const isQuiet = (): boolean =>
          hexes.every(({ parts }) => parts.durable.transits.length === 0);
        const days = (): void => {
          if (isQuiet()) for (const hex of hexes) hex.nowMs += 97 * 3_600_000;
        };
        const check = (): void => {
          for (const player of players) {
            const places = hexes.filter((hex) => isIn(hex, player)).length;
            const leaving = hexes.filter(({ parts }) =>
              parts.durable.transits.some(({ playerId: id }) => id[0] === player),
            ).length;
            expect(places).toBeLessThanOrEqual(1);
            expect(places + leaving).toBeGreaterThanOrEqual(1);
          }
        };
        for (const player of players) {
          hexes[0]!.when(SpawnSchema, { playerId: playerId(player) });
          hexes[0]!.when(EnterSchema, {}, player);
        }
        for (const [kind, which] of choices) {
          const kinds = [
            starts(),
            mail.slice(-4).map((message) => () => deliver(message)),
            mail.map((message) => () => deliver(message)),
            hexes.map((hex) => () => ask(hex)),
            hexes.map((hex) => () => crowd(hex)),
            [days],
          ].filter((possible) => possible.length > 0);
          const possible = kinds[kind % kinds.length]!;
          possible[which % possible.length]!();
          check();
        }
        // Everything that was sent comes at last, questions too.
        for (let round = 0; round < 4; round++) {
          for (const hex of hexes) ask(hex);
          for (const message of mail.slice()) deliver(message);
          check();
        }
        expect(isQuiet()).toBe(true);
        const ends = new Map<string, Set<TransferEnd>>();
        for (const message of mail) {
          if (message.$typeName !== EndTransferSchema.typeName) continue;
          const { playerId: id, number, end } = message as unknown as EndTransfer;
          const name = `${id[0]} ${number}`;
          ends.set(name, (ends.get(name) ?? new Set()).add(end));
          if (end === TransferEnd.REFUSED) seen.refused++;
        }
        // A transfer never has two results.
        for (const found of ends.values()) expect(found.size).toBe(1);
        for (const { parts } of hexes) if (parts.durable.answersFloorMs > 0n) seen.forgotten++;
      }),
      { numRuns: 500 },
    );
    expect(seen.transfers).toBeGreaterThan(1000);
    expect(seen.refused).toBeGreaterThan(100);
    expect(seen.forgotten).toBeGreaterThan(5);
  }, 30_000);
});
