import { diskOf, hexAt } from "@hexhold/hex";
import fc from "fast-check";
import { expect, test } from "vitest";
import { waysOf } from "./directions.ts";
import { layOut } from "./projection.ts";

const pentagon = 0x860800007ffffffn;

function waysFrom(home: bigint) {
  const neighbours = diskOf(home, 1).slice(1);
  const plane = layOut(home, diskOf(home, 2));
  return { neighbours, ways: waysOf(plane, (hexId) => neighbours.includes(hexId)) };
}

test("each neighbour of a hexagon has the key that lies where it lies on the map", () => {
  const { ways } = waysFrom(hexAt(52.52, 13.405));
  expect(ways.map(({ key }) => key)).toEqual(["KeyD", "KeyE", "KeyW", "KeyA", "KeyZ", "KeyX"]);
  const sides = Object.fromEntries(
    ways.map(({ key, angle }) => [
      key,
      [Math.sign(cut(Math.cos(angle))), Math.sign(cut(Math.sin(angle)))],
    ]),
  );
  expect(sides).toEqual({
    KeyD: [1, 0],
    KeyE: [1, 1],
    KeyW: [-1, 1],
    KeyA: [-1, 0],
    KeyZ: [-1, -1],
    KeyX: [1, -1],
  });
});

test("wherever on the globe, each neighbour has one key, each key at most one, none far from its place", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -89, max: 89, noNaN: true }),
      fc.double({ min: -180, max: 180, noNaN: true }),
      (lat, lng) => {
        const { neighbours, ways } = waysFrom(hexAt(lat, lng));
        expect(new Set(ways.map(({ hexId }) => hexId))).toEqual(new Set(neighbours));
        expect(new Set(ways.map(({ key }) => key)).size).toBe(neighbours.length);
        expect(new Set(ways.map(({ compass }) => compass)).size).toBe(neighbours.length);
      },
    ),
    { numRuns: 60 },
  );
});

test("a pentagon has five ways, all under different keys, and so have its neighbours six", () => {
  const { neighbours, ways } = waysFrom(pentagon);
  expect(ways).toHaveLength(5);
  expect(new Set(ways.map(({ key }) => key)).size).toBe(5);
  for (const neighbour of neighbours) {
    const around = waysFrom(neighbour);
    expect(new Set(around.ways.map(({ key }) => key)).size).toBe(6);
    expect(around.ways.some(({ hexId }) => hexId === pentagon)).toBe(true);
  }
});

test("the compass is the globe's, not the map's", () => {
  const { ways } = waysFrom(hexAt(52.52, 13.405));
  const plane = layOut(hexAt(52.52, 13.405), diskOf(hexAt(52.52, 13.405), 1));
  for (const { angle, compass } of ways) {
    const bearing =
      (Math.atan2(Math.cos(angle - plane.turn), Math.sin(angle - plane.turn)) * 180) / Math.PI;
    const named = {
      north: 0,
      "north-east": 45,
      east: 90,
      "south-east": 135,
      south: 180,
      "south-west": 225,
      west: 270,
      "north-west": 315,
    }[compass]!;
    const off = Math.abs(((bearing - named + 540) % 360) - 180);
    expect(off).toBeLessThanOrEqual(22.5);
  }
});

/** What is as good as straight. */
function cut(value: number): number {
  return Math.abs(value) < 0.2 ? 0 : value;
}
