/**
 * The ways out of a hex, each with the key that walks it. Pure.
 *
 * The map shows hexes with a corner up, so that neighbours lie to both sides and at four slants: as the keys W, E, A,
 * D, Z and X lie around S. A pentagon has five neighbours and leaves one key without a way.
 */
import type { Plane, PlaneHex, Point } from "./projection.ts";

/** Physical keys (`KeyboardEvent.code`), counter-clockwise from the right. */
export const wayKeys = ["KeyD", "KeyE", "KeyW", "KeyA", "KeyZ", "KeyX"] as const;
export type WayKey = (typeof wayKeys)[number];

export interface Way {
  readonly key: WayKey;
  readonly hexId: bigint;
  /** Of the neighbour's centre on the map, counter-clockwise from the right, in radians: 0…2π. */
  readonly angle: number;
  /** As the compass has it: `north-west`. */
  readonly compass: string;
}

const circle = 2 * Math.PI;
const winds = [
  "east",
  "north-east",
  "north",
  "north-west",
  "west",
  "south-west",
  "south",
  "south-east",
];

/** Ways from the first hex of `plane`; its neighbours are those of the plane's hexes that `isNeighbour` names. */
export function waysOf(plane: Plane, isNeighbour: (hexId: bigint) => boolean): readonly Way[] {
  const [own] = plane.hexes;
  if (own === undefined) return [];
  const around = plane.hexes
    .filter(({ hexId }) => isNeighbour(hexId))
    .map((hex) => ({ hex, angle: angleFrom(own.centre, hex) }))
    .sort((a, b) => a.angle - b.angle);
  const keys = bestKeys(around.map(({ angle }) => angle));
  return around.map(({ hex, angle }, i) => ({
    key: keys[i] ?? "KeyD",
    hexId: hex.hexId,
    angle,
    // The plane is turned against north by `turn`.
    compass: winds[Math.round(positive(angle - plane.turn) / (Math.PI / 4)) % winds.length] ?? "",
  }));
}

/** Keys in the order of `angles`, which rise: those that lie nearest, in the same order around. */
function bestKeys(angles: readonly number[]): readonly WayKey[] {
  let best: readonly WayKey[] = [];
  let least = Infinity;
  for (const keys of choices(angles.length)) {
    const cost = angles.reduce((sum, angle, i) => sum + offBy(angle, keys[i]) ** 2, 0);
    if (cost < least) [best, least] = [keys, cost];
  }
  return best;
}

/** All ways to hand out `count` of the keys in their order around, wherever one begins. */
function choices(count: number): WayKey[][] {
  const sets = subsets(count);
  return sets.flatMap((keys) =>
    keys.map((_, from) => [...keys.slice(from), ...keys.slice(0, from)]),
  );
}

function subsets(count: number): WayKey[][] {
  let sets: WayKey[][] = [[]];
  for (const key of wayKeys) sets = [...sets, ...sets.map((set) => [...set, key])];
  return sets.filter(({ length }) => length === Math.min(count, wayKeys.length));
}

function offBy(angle: number, key: WayKey | undefined): number {
  const own = key === undefined ? 0 : (wayKeys.indexOf(key) * circle) / wayKeys.length;
  const difference = positive(angle - own);
  return Math.min(difference, circle - difference);
}

function angleFrom(centre: Point, hex: PlaneHex): number {
  return positive(Math.atan2(hex.centre.y - centre.y, hex.centre.x - centre.x));
}

function positive(angle: number): number {
  return ((angle % circle) + circle) % circle;
}
