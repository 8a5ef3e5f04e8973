import { diskOf, hexAt } from "@hexhold/hex";
import { describe, expect, test } from "vitest";
import { clampInside, contains, isInsideRules, layOut } from "./projection.ts";

const places: readonly [string, bigint][] = [
  ["Berlin", hexAt(52.52, 13.405)],
  ["the Gulf of Guinea", hexAt(0.1, 0.1)],
  ["the far side of the date line", hexAt(-17, 179.99)],
  ["close to the pole", hexAt(89.7, 40)],
];

describe.each(places)("around %s", (_, home) => {
  const plane = layOut(home, diskOf(home, 2));
  const [own] = plane.hexes;

  test("nineteen hexes lie in a ring of two", () => {
    expect(plane.hexes).toHaveLength(19);
    const far = plane.hexes.map(({ centre }) => Math.hypot(centre.x, centre.y));
    expect(Math.max(...far)).toBeLessThan(5);
    expect(Math.min(...far.slice(1))).toBeGreaterThan(1.5);
  });

  test("a side of the own hex faces east", () => {
    const xs = own!.corners.map(({ x }) => x).sort((a, b) => a - b);
    expect(xs[0]).toBeCloseTo(xs[1]!, 0);
    expect(xs[5]).toBeCloseTo(xs[4]!, 0);
    expect(Math.abs(plane.turn)).toBeLessThanOrEqual(Math.PI / 6 + 1e-9);
  });

  test("what is inside for the rules is inside the drawn hex, and back again", () => {
    for (const hex of plane.hexes) {
      for (const place of [
        { x: 0, y: 0 },
        { x: 930, y: 0 },
        { x: -930, y: 100 },
        { x: 0, y: 1040 },
        { x: 400, y: -800 },
      ]) {
        expect(isInsideRules(place)).toBe(true);
        const point = hex.toPlane(place);
        expect(contains(hex.corners, point)).toBe(true);
        const back = hex.fromPlane(point);
        expect(back.x).toBeCloseTo(place.x, 6);
        expect(back.y).toBeCloseTo(place.y, 6);
      }
    }
  });
});

test("a pentagon is laid out, too", () => {
  const pentagon = 0x860800007ffffffn;
  const plane = layOut(pentagon, diskOf(pentagon, 1));
  expect(plane.hexes).toHaveLength(6);
  const back = plane.hexes[0]!.fromPlane(plane.hexes[0]!.toPlane({ x: 300, y: -200 }));
  expect(back.x).toBeCloseTo(300, 6);
});

test("a place outside is brought inside on the way to the centre", () => {
  expect(clampInside({ x: 100, y: 100 })).toEqual({ x: 100, y: 100 });
  for (const far of [
    { x: 5000, y: 0 },
    { x: 0, y: -1155 },
    { x: -1000, y: 1000 },
  ]) {
    const near = clampInside(far);
    expect(isInsideRules(near)).toBe(true);
    expect(Math.atan2(near.y, near.x)).toBeCloseTo(Math.atan2(far.y, far.x), 6);
  }
});
