import {
  cellToBoundary,
  cellToLatLng,
  cellToParent,
  getResolution,
  gridDiskDistances,
  isValidCell,
  latLngToCell,
} from "h3-js";
import { hexText, type Key } from "./key.ts";

/** H3 resolution of every hex of the world. */
export const hexResolution = 6;
/** H3 resolution of the regions by which view events are routed. */
export const regionResolution = 4;

/** What is wrong with a cell: no valid index at all, or one of another resolution. */
export type CellFault = "not-a-cell" | "wrong-resolution";

/** Hexes that were looked at lately: the library takes ten times as long, and every command asks twice. */
const lately = new Map<bigint, CellFault | undefined>();
/** About 6 MB; beyond it all are looked at anew. */
const latelyMax = 65_536;

/** Tells why `hexId` is no hex, or undefined when it is one. */
export function cellFault(hexId: bigint): CellFault | undefined {
  const known = lately.get(hexId);
  if (known !== undefined || lately.has(hexId)) return known;
  if (lately.size >= latelyMax) lately.clear();
  const fault = faultOf(hexId);
  lately.set(hexId, fault);
  return fault;
}

function faultOf(hexId: bigint): CellFault | undefined {
  const text = hexText(hexId);
  if (!isValidCell(text)) return "not-a-cell";
  return getResolution(text) === hexResolution ? undefined : "wrong-resolution";
}

/** Region of a hex: the 15 hex digits of its parent at resolution 4. `hexId` must be a hex. */
export function regionOf(hexId: bigint): string {
  return cellToParent(hexText(hexId), regionResolution);
}

/**
 * Hexes at most `radius` steps away, the hex itself first, in rings. 1 + 3·radius·(radius+1) of them,
 * fewer around a pentagon.
 */
export function diskOf(hexId: bigint, radius: number): bigint[] {
  // Around a pentagon gridDisk alone would give them in no order.
  return gridDiskDistances(hexText(hexId), radius)
    .flat()
    .map((cell) => BigInt(`0x${cell}`));
}

/** Whether two hexes share a side. False when `other` is no hex. */
export function areNeighbours(hexId: bigint, other: bigint): boolean {
  return hexId !== other && cellFault(other) === undefined && diskOf(hexId, 1).includes(other);
}

/** The hex at a place; degrees. */
export function hexAt(latitude: number, longitude: number): bigint {
  return BigInt(`0x${latLngToCell(latitude, longitude, hexResolution)}`);
}

/** Centre of a hex as [latitude, longitude] in degrees. */
export function centreOf(hexId: bigint): [number, number] {
  return cellToLatLng(hexText(hexId));
}

/** Corners of a hex as [latitude, longitude] in degrees, counter-clockwise. */
export function boundaryOf(hexId: bigint): [number, number][] {
  return cellToBoundary(hexText(hexId));
}

/** What of the grid is the world. */
export interface WorldShape {
  /** Coarser cells, their 15 hex digits; none = the globe. */
  readonly bounds: readonly string[];
  readonly layers: readonly number[];
}

/** Makes the test "does this key lie in the world". Throws as {@link boundsTest}. */
export function worldTest({ bounds, layers }: WorldShape): (key: Key) => boolean {
  const isInside = boundsTest(bounds);
  const known = new Set(layers);
  return ({ hexId, layerId }) =>
    known.has(layerId) && cellFault(hexId) === undefined && isInside(hexId);
}

/**
 * Makes the test "is this hex inside the world": `bounds` are coarser cells (their 15 hex digits), none of
 * them means the globe. Throws when a bound is no cell or finer than a hex.
 */
export function boundsTest(bounds: readonly string[]): (hexId: bigint) => boolean {
  if (bounds.length === 0) return () => true;
  const byResolution = new Map<number, Set<string>>();
  for (const bound of bounds) {
    if (!isValidCell(bound) || getResolution(bound) > hexResolution) {
      throw new RangeError(
        `world.bounds: ${JSON.stringify(bound)} is no H3 cell of resolution 0…${hexResolution}`,
      );
    }
    const resolution = getResolution(bound);
    byResolution.set(resolution, (byResolution.get(resolution) ?? new Set()).add(bound));
  }
  return (hexId) => {
    const text = hexText(hexId);
    for (const [resolution, cells] of byResolution) {
      if (cells.has(cellToParent(text, resolution))) return true;
    }
    return false;
  };
}
