/**
 * Hexes on a plane. Pure.
 *
 * The globe is projected orthographically around the player's hex, and the plane is turned so that a side of that
 * hex faces east, as the rules see every hex: |x| ≤ 1000, corners north and south. Where H3 has turned or bent
 * another hex, an affine map of its own takes the rules' hexagon onto its corners.
 */
import { boundaryOf, centreOf } from "@hexhold/hex";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A hex on the plane; a unit is the inradius of the player's hex, y grows north. */
export interface PlaneHex {
  readonly hexId: bigint;
  readonly corners: readonly Point[];
  readonly centre: Point;
  /** From thousandths of the inradius, as the rules count, to the plane. */
  toPlane(inside: Point): Point;
  fromPlane(point: Point): Point;
}

export interface Plane {
  readonly hexes: readonly PlaneHex[];
  /** By how much the plane is turned against north, counter-clockwise, in radians; at most 30°. */
  readonly turn: number;
}

/** Corners of the rules' hexagon: circumradius 2/√3 of the inradius, one of them north. */
const circumradius = 2000 / Math.sqrt(3);
const ruleCorners: readonly Point[] = Array.from({ length: 6 }, (_, i) => {
  const angle = Math.PI / 6 + (i * Math.PI) / 3;
  return { x: circumradius * Math.cos(angle), y: circumradius * Math.sin(angle) };
});
const radians = Math.PI / 180;

/** Lays `hexIds` out around `home`, which must be one of them. */
export function layOut(home: bigint, hexIds: readonly bigint[]): Plane {
  const project = orthographic(centreOf(home));
  const homeCorners = boundaryOf(home).map(project);
  const homeCentre = meanOf(homeCorners);
  const turn = -tiltOf(homeCorners, homeCentre);
  const unit = inradiusOf(homeCorners, homeCentre);
  const place = (point: Point): Point => {
    const x = (point.x - homeCentre.x) / unit;
    const y = (point.y - homeCentre.y) / unit;
    return {
      x: x * Math.cos(turn) - y * Math.sin(turn),
      y: x * Math.sin(turn) + y * Math.cos(turn),
    };
  };
  return {
    turn,
    hexes: hexIds.map((hexId) =>
      planeHex(
        hexId,
        boundaryOf(hexId).map((corner) => place(project(corner))),
      ),
    ),
  };
}

/** Whether a place lies in the rules' hexagon; games/reference refuses all others. */
export function isInsideRules({ x, y }: Point): boolean {
  return Math.abs(x) <= 1000 && 866 * Math.abs(y) + 500 * Math.abs(x) <= 1_000_000;
}

/** The nearest place on the way to the centre that lies inside, a step away from the edge. */
export function clampInside(point: Point): Point {
  const { x, y } = point;
  const over = Math.max(Math.abs(x) / 1000, (866 * Math.abs(y) + 500 * Math.abs(x)) / 1_000_000);
  if (over <= 0.98) return point;
  return { x: (x / over) * 0.98, y: (y / over) * 0.98 };
}

/** Whether `point` lies inside the polygon. */
export function contains(corners: readonly Point[], point: Point): boolean {
  let inside = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const a = corners[i]!;
    const b = corners[j]!;
    if (a.y > point.y !== b.y > point.y) {
      if (point.x < ((b.x - a.x) * (point.y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
    }
  }
  return inside;
}

/** Latitude and longitude in degrees to a plane that touches the globe at `origin`; its radius is 1. */
function orthographic([lat0, lng0]: [number, number]): (place: [number, number]) => Point {
  const sin0 = Math.sin(lat0 * radians);
  const cos0 = Math.cos(lat0 * radians);
  return ([lat, lng]) => {
    const phi = lat * radians;
    const lambda = (lng - lng0) * radians;
    return {
      x: Math.cos(phi) * Math.sin(lambda),
      y: cos0 * Math.sin(phi) - sin0 * Math.cos(phi) * Math.cos(lambda),
    };
  };
}

function planeHex(hexId: bigint, corners: readonly Point[]): PlaneHex {
  const centre = meanOf(corners);
  const [a, b, c, d] = affineOf(corners, centre);
  const determinant = a * d - b * c;
  return {
    hexId,
    corners,
    centre,
    toPlane: ({ x, y }) => ({ x: centre.x + a * x + b * y, y: centre.y + c * x + d * y }),
    fromPlane: (point) => {
      const x = point.x - centre.x;
      const y = point.y - centre.y;
      return { x: (d * x - b * y) / determinant, y: (a * y - c * x) / determinant };
    },
  };
}

/** Least squares from the rules' corners to these, each to the one in its direction; pentagons are only scaled. */
function affineOf(corners: readonly Point[], centre: Point): [number, number, number, number] {
  if (corners.length !== 6) {
    const scale = inradiusOf(corners, centre) / 1000;
    return [scale, 0, 0, scale];
  }
  const offsets = corners
    .map(({ x, y }) => ({ x: x - centre.x, y: y - centre.y }))
    .sort((p, q) => angleOf(p) - angleOf(q));
  const tilt = tiltOf(offsets, { x: 0, y: 0 });
  const sums: [number, number, number, number] = [0, 0, 0, 0];
  for (const offset of offsets) {
    const steps = Math.round((angleOf(offset) - tilt - Math.PI / 6) / (Math.PI / 3));
    const rule = ruleCorners[((steps % 6) + 6) % 6]!;
    sums[0] += offset.x * rule.x;
    sums[1] += offset.x * rule.y;
    sums[2] += offset.y * rule.x;
    sums[3] += offset.y * rule.y;
  }
  // Σ g·gᵀ over the six corners of a regular hexagon is 3R² times the identity.
  const scale = 1 / (3 * circumradius ** 2);
  return [sums[0] * scale, sums[1] * scale, sums[2] * scale, sums[3] * scale];
}

/** By how much a hexagon is turned against the rules' one: between −30° and 30°, counter-clockwise. */
function tiltOf(corners: readonly Point[], centre: Point): number {
  let sin = 0;
  let cos = 0;
  for (const { x, y } of corners) {
    const angle = 6 * (Math.atan2(y - centre.y, x - centre.x) - Math.PI / 6);
    sin += Math.sin(angle);
    cos += Math.cos(angle);
  }
  return Math.atan2(sin, cos) / 6;
}

function inradiusOf(corners: readonly Point[], centre: Point): number {
  const radii = corners.map(({ x, y }) => Math.hypot(x - centre.x, y - centre.y));
  const mean = radii.reduce((sum, radius) => sum + radius, 0) / radii.length;
  return mean * Math.cos(Math.PI / corners.length);
}

function meanOf(points: readonly Point[]): Point {
  const sum = points.reduce((all, { x, y }) => ({ x: all.x + x, y: all.y + y }), { x: 0, y: 0 });
  return { x: sum.x / points.length, y: sum.y / points.length };
}

function angleOf({ x, y }: Point): number {
  return Math.atan2(y, x);
}
