import { create, toBinary } from "@bufbuild/protobuf";
import { NotResidentDetailSchema, TransferSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { diskOf, hexAt, type Key } from "@hexhold/hex";
import { expect, it } from "vitest";
import { Residence, type ResidentAnswer } from "./residence.ts";

const keyOf = (hexId: bigint): Key => ({ hexId, layerId: 0 });
const neighbour = ({ hexId }: Key): Key => keyOf(diskOf(hexId, 1)[1]!);
const home = keyOf(hexAt(52.5, 13.4));
/** Three steps along one line, each a neighbour of the last. */
const walk = [home];
while (walk.length < 5) walk.push(neighbour(walk.at(-1)!));
const [, first, second, third] = walk as [Key, Key, Key, Key, Key];

const applied = (key: Key, acceptedMs: number, to?: Key): ResidentAnswer => ({
  key,
  acceptedMs,
  outcome: { case: "applied" },
  transfer: to && toBinary(TransferSchema, create(TransferSchema, { toHexId: to.hexId })),
});
const refused = (key: Key, acceptedMs: number, reason: string, to?: Key): ResidentAnswer => ({
  key,
  acceptedMs,
  outcome: {
    case: "refused",
    reason,
    detail: toBinary(
      NotResidentDetailSchema,
      create(NotResidentDetailSchema, { wentToHexId: to?.hexId ?? 0n }),
    ),
  },
  transfer: undefined,
});

function livingAt(key: Key): Residence {
  const residence = new Residence();
  residence.fromToken(key, 1000);
  return residence;
}

/** As far as the radius of 2 from `key`, and no further, in the plane of one layer. */
function seesAround(residence: Residence, key: Key): boolean {
  return diskOf(key.hexId, 2).every((hexId) => residence.sees(keyOf(hexId)));
}

it("sees nothing before it is told where the player lives, and then two steps in its layer", () => {
  const residence = new Residence();
  expect(residence.sees(home)).toBe(false);
  expect(residence.fromToken(home, 1000)).toBe(true);
  expect(seesAround(residence, home)).toBe(true);
  expect([residence.sees(third), residence.sees({ ...home, layerId: 1 })]).toEqual([false, false]);
});

it("follows a walk by its answers alone: between two hexes both surroundings are seen", () => {
  const residence = livingAt(home);
  let ms = 2000;
  for (const [i, to] of walk.slice(1).entries()) {
    const from = walk[i]!;
    expect(residence.fromAnswer(applied(from, ms++, to))).toBe(true);
    expect([seesAround(residence, from), seesAround(residence, to)]).toEqual([true, true]);
    residence.fromAnswer(applied(to, ms++));
    expect(residence.key).toEqual(to);
    expect(seesAround(residence, to)).toBe(true);
  }
  expect(residence.sees(home)).toBe(false);
});

it("follows arrivals and returns, and none that is older than the last", () => {
  const residence = livingAt(home);
  residence.fromAnswer(applied(home, 2000, first));
  expect(residence.fromEvent(first, 7n, 2100)).toBe(true);
  expect(residence.fromEvent(home, 6n, 2200)).toBe(false);
  residence.fromAnswer(applied(first, 2300, second));
  residence.fromEvent(first, 8n, 2400);
  expect(residence.key).toEqual(first);
  expect(seesAround(residence, second)).toBe(false);
});

it("takes a hex's word for where the player went only when it is believed to live there", () => {
  const residence = livingAt(home);
  expect(residence.fromAnswer(refused(third, 2000, "not-resident", second))).toBe(false);
  expect(residence.fromAnswer(refused(home, 2001, "not-resident"))).toBe(false);
  expect(residence.fromAnswer(refused(home, 2002, "not-resident", first))).toBe(true);
  expect(residence.fromAnswer(refused(first, 2003, "in-transit", second))).toBe(true);
  expect([residence.key, seesAround(residence, second)]).toEqual([first, true]);
});

it("is not set back by a word that comes late, and takes any other refusal for a resident's", () => {
  const residence = livingAt(home);
  residence.fromAnswer(applied(second, 3000));
  expect(residence.fromAnswer(applied(home, 2000))).toBe(false);
  expect(residence.fromToken(home, 2500)).toBe(false);
  expect(residence.key).toEqual(second);
  expect(residence.fromAnswer(refused(third, 4000, "depleted"))).toBe(true);
  // Accounts may not have heard of the arrival when they gave it.
  expect(residence.fromToken(first, 14_000)).toBe(false);
  expect(residence.fromToken(first, 14_001)).toBe(true);
  expect(residence.fromToken(second, 14_002)).toBe(true);
  expect(residence.fromToken(first, 14_003)).toBe(true);
  expect(residence.key).toEqual(first);
});
