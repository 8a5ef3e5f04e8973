/** What players have made of a hex: who owns it, what stands there, what is being built. */
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import type { Site } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { ownerAt } from "@hexhold/reference-client";
import { hueOf } from "./figures.ts";
import type { Point } from "./projection.ts";

export interface Land {
  readonly view: HexView;
  readonly nowMs: number;
  /** Pixels of an inradius. */
  readonly scale: number;
  readonly centre: Point;
  /** On the screen. */
  readonly corners: readonly Point[];
}

/** Of the way from the centre to the border. */
const ownerShare = 0.9;
const ink = { wall: "#c9d6e4", site: "#f2b84b", track: "rgba(5,9,13,0.55)" };

/** In the owner's colour, the one that its figure has: a tint of the ground, and a line inside the border. */
export function drawOwner(
  canvas: CanvasRenderingContext2D,
  { view, nowMs, centre, corners }: Land,
): void {
  const owner = ownerAt(view, nowMs);
  if (owner === undefined) return;
  const hue = hueOf(owner);
  canvas.beginPath();
  for (const { x, y } of corners) {
    canvas.lineTo(centre.x + (x - centre.x) * ownerShare, centre.y + (y - centre.y) * ownerShare);
  }
  canvas.closePath();
  canvas.fillStyle = `hsl(${hue} 70% 60% / 9%)`;
  canvas.fill();
  canvas.lineJoin = "round";
  canvas.lineWidth = 2;
  canvas.strokeStyle = `hsl(${hue} 65% 62% / 85%)`;
  canvas.stroke();
}

/** On the left a house for each building, on the right the site, with how far it is: between the keys and the stocks. */
export function drawBuildings(
  canvas: CanvasRenderingContext2D,
  { view, nowMs, scale, centre }: Land,
): void {
  const size = Math.max(scale * 0.17, 6);
  const y = centre.y - scale * 0.42;
  const count = view.buildings.reduce((sum, building) => sum + building.count, 0);
  const houses = Math.min(count, housesMax);
  for (let nth = 0; nth < houses; nth++) {
    const x = centre.x - scale * 0.5 + nth * size * 1.05;
    house(canvas, { x, y }, size);
    canvas.fillStyle = ink.wall;
    canvas.fill();
  }
  if (view.site !== undefined)
    drawSite(canvas, view.site, nowMs, size, { x: centre.x + scale * 0.5, y });
}

/** Houses that are drawn one beside the other. */
const housesMax = 3;

/** A house in outline, in a ring that fills as goods come, and again as it is built. */
function drawSite(
  canvas: CanvasRenderingContext2D,
  site: Site,
  nowMs: number,
  size: number,
  at: Point,
): void {
  const share = siteShare(site, nowMs);
  const radius = size * 0.95;
  canvas.lineWidth = Math.max(size * 0.16, 1.5);
  canvas.strokeStyle = ink.track;
  canvas.beginPath();
  canvas.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  canvas.stroke();
  canvas.strokeStyle = site.startedMs > 0n ? ink.site : ink.wall;
  canvas.beginPath();
  canvas.arc(at.x, at.y, radius, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * share);
  canvas.stroke();
  house(canvas, at, size * 0.8);
  canvas.lineWidth = 1.2;
  canvas.stroke();
}

/** 0…1: of the goods that are needed, or of the time once it is built. */
export function siteShare({ needs, startedMs, dueMs }: Site, nowMs: number): number {
  const [done, whole] =
    startedMs > 0n
      ? [nowMs - Number(startedMs), Number(dueMs - startedMs)]
      : [
          Number(needs.reduce((sum, { got }) => sum + got, 0n)),
          Number(needs.reduce((sum, { need }) => sum + need, 0n)),
        ];
  return whole <= 0 ? 1 : Math.min(Math.max(done / whole, 0), 1);
}

/** The path of a house with a roof, in the middle of `at`. */
function house(canvas: CanvasRenderingContext2D, at: Point, size: number): void {
  const half = size / 2;
  canvas.beginPath();
  canvas.moveTo(at.x, at.y - half);
  canvas.lineTo(at.x + half, at.y - half * 0.1);
  canvas.lineTo(at.x + half * 0.72, at.y - half * 0.1);
  canvas.lineTo(at.x + half * 0.72, at.y + half * 0.8);
  canvas.lineTo(at.x - half * 0.72, at.y + half * 0.8);
  canvas.lineTo(at.x - half * 0.72, at.y - half * 0.1);
  canvas.lineTo(at.x - half, at.y - half * 0.1);
  canvas.closePath();
}
