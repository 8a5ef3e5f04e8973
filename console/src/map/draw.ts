/** One picture of the map. */
import { stockAt } from "@hexhold/client";
import type { HexView } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { KnownHex } from "../hex-index.ts";
import { resourceColours, resources } from "../words.ts";
import type { Camera } from "./camera.ts";
import type { Figure } from "./figures.ts";
import type { Plane, PlaneHex, Point } from "./projection.ts";

export interface Scene {
  readonly plane: Plane;
  readonly camera: Camera;
  readonly width: number;
  readonly height: number;
  readonly serverNowMs: number;
  /** Monotonic, for what breathes. */
  readonly atMs: number;
  readonly known: (hexId: bigint) => KnownHex;
  readonly figures: (hex: PlaneHex) => readonly Figure[];
  readonly self: string;
  /** The own figure and where it goes, in thousandths; undefined: not in the hex. */
  readonly own: { readonly at: Point; readonly target: Point | undefined } | undefined;
}

const ink = {
  line: "#26323f",
  lineNear: "#35465a",
  own: "#f2b84b",
  text: "#dbe5ef",
  dim: "#8496a9",
  track: "rgba(5,9,13,0.45)",
};
const font = "ui-sans-serif, system-ui, sans-serif";

export function drawScene(canvas: CanvasRenderingContext2D, scene: Scene): void {
  canvas.clearRect(0, 0, scene.width, scene.height);
  const [own, ...others] = scene.plane.hexes;
  for (const hex of others) drawGround(canvas, scene, hex, false);
  if (own !== undefined) drawGround(canvas, scene, own, true);
  for (const hex of scene.plane.hexes) drawContent(canvas, scene, hex, hex === own);
  for (const hex of scene.plane.hexes) drawPlayers(canvas, scene, hex);
  if (own !== undefined && scene.own !== undefined) drawOwn(canvas, scene, own, scene.own);
  drawNorth(canvas, scene);
}

function drawGround(
  canvas: CanvasRenderingContext2D,
  scene: Scene,
  hex: PlaneHex,
  isOwn: boolean,
): void {
  const { view, mode } = scene.known(hex.hexId);
  const corners = hex.corners.map((corner) => scene.camera.toScreen(corner));
  canvas.beginPath();
  for (const { x, y } of corners) canvas.lineTo(x, y);
  canvas.closePath();
  canvas.fillStyle = groundOf(hex, view, scene.serverNowMs, isOwn);
  canvas.globalAlpha = mode === "live" ? 1 : mode === "stale" ? 0.75 : 0.45;
  canvas.fill();
  canvas.globalAlpha = 1;
  canvas.lineJoin = "round";
  canvas.setLineDash(mode === "live" ? [] : [5, 6]);
  canvas.lineWidth = isOwn ? 2.5 : 1;
  canvas.strokeStyle = isOwn ? ink.own : view === undefined ? ink.line : ink.lineNear;
  canvas.stroke();
  canvas.setLineDash([]);
}

/** The fuller its stocks and the higher its level, the greener and the brighter a hex. */
function groundOf(
  { hexId, centre }: PlaneHex,
  view: HexView | undefined,
  nowMs: number,
  isOwn: boolean,
): string {
  if (view === undefined) return "#10161d";
  const capacity = Math.max(Number(view.stockCapacity), 1);
  const full =
    resources.reduce((sum, resource) => sum + stockAt(view, resource, nowMs) / capacity, 0) / 3;
  // The outer ring lies further off.
  const far = Math.hypot(centre.x, centre.y) > 3 ? 2.5 : 0;
  const lightness =
    12 + Math.min(view.level, 12) * 0.9 + full * 4 + (isOwn ? 5 : shadeOf(hexId) - far);
  return `hsl(${200 - full * 32} ${18 + full * 12}% ${lightness}%)`;
}

/** No two neighbours quite alike: 0…3.5, always the same for a hex. */
function shadeOf(hexId: bigint): number {
  return ((Number((hexId >> 27n) % 4093n) * 7) % 11) / 3.1;
}

function drawContent(
  canvas: CanvasRenderingContext2D,
  scene: Scene,
  hex: PlaneHex,
  isOwn: boolean,
): void {
  const { view, mode } = scene.known(hex.hexId);
  const { scale } = scene.camera;
  const centre = scene.camera.toScreen(hex.centre);
  canvas.textAlign = "center";
  canvas.textBaseline = "middle";
  if (view === undefined) {
    canvas.fillStyle = ink.dim;
    canvas.globalAlpha = mode === "denied" ? 0.6 : 0.45 + 0.3 * Math.sin(scene.atMs / 300);
    canvas.font = `500 ${textPx(scale, 0.2)}px ${font}`;
    canvas.fillText(mode === "denied" ? "out of sight" : "…", centre.x, centre.y);
    canvas.globalAlpha = 1;
    return;
  }
  canvas.font = `600 ${textPx(scale, 0.24)}px ${font}`;
  canvas.fillStyle = isOwn ? ink.own : ink.dim;
  canvas.fillText(`L${view.level}`, centre.x, centre.y - scale * 0.74);
  drawStocks(canvas, scene, view, centre);
}

/** Three bars at the southern corner that grow between two events as the stocks do. */
function drawStocks(
  canvas: CanvasRenderingContext2D,
  { camera: { scale }, serverNowMs }: Scene,
  view: HexView,
  centre: Point,
): void {
  const width = Math.max(scale * 0.13, 3);
  const height = scale * 0.34;
  const gap = width * 0.55;
  const left = centre.x - (3 * width + 2 * gap) / 2;
  const bottom = centre.y + scale * 0.82;
  const capacity = Math.max(Number(view.stockCapacity), 1);
  resources.forEach((resource, i) => {
    const x = left + i * (width + gap);
    const share = Math.min(stockAt(view, resource, serverNowMs) / capacity, 1);
    canvas.fillStyle = ink.track;
    box(canvas, x, bottom - height, width, height);
    canvas.fillStyle = resourceColours[resource] ?? ink.dim;
    if (share > 0) box(canvas, x, bottom - height * share, width, height * share);
  });
}

function box(
  canvas: CanvasRenderingContext2D,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  canvas.beginPath();
  canvas.roundRect(x, y, width, height, Math.min(width / 3, height / 2));
  canvas.fill();
}

function drawPlayers(canvas: CanvasRenderingContext2D, scene: Scene, hex: PlaneHex): void {
  const { scale } = scene.camera;
  const radius = Math.max(scale * 0.075, 3);
  for (const figure of scene.figures(hex)) {
    if (figure.id === scene.self && scene.own !== undefined) continue;
    const { x, y } = scene.camera.toScreen(hex.toPlane(figure));
    dot(canvas, x, y, radius, `hsl(${figure.hue} 70% 66%)`, "#0b0f14");
    if (scale > 60) label(canvas, figure.id.slice(-4), x, y + radius + 9, ink.dim);
  }
}

function drawOwn(
  canvas: CanvasRenderingContext2D,
  scene: Scene,
  hex: PlaneHex,
  { at, target }: { at: Point; target: Point | undefined },
): void {
  const { camera, atMs } = scene;
  const radius = Math.max(camera.scale * 0.095, 4.5);
  const here = camera.toScreen(hex.toPlane(at));
  if (target !== undefined) {
    const there = camera.toScreen(hex.toPlane(target));
    canvas.strokeStyle = ink.own;
    canvas.globalAlpha = 0.5;
    canvas.lineWidth = 1.5;
    canvas.setLineDash([3, 5]);
    canvas.beginPath();
    canvas.moveTo(here.x, here.y);
    canvas.lineTo(there.x, there.y);
    canvas.stroke();
    canvas.setLineDash([]);
    canvas.beginPath();
    canvas.arc(there.x, there.y, radius * 0.7, 0, 2 * Math.PI);
    canvas.stroke();
    canvas.globalAlpha = 1;
  }
  const breath = (1 + Math.sin(atMs / 420)) / 2;
  canvas.fillStyle = `rgba(242, 184, 75, ${0.1 + 0.1 * breath})`;
  canvas.beginPath();
  canvas.arc(here.x, here.y, radius * (2 + 0.5 * breath), 0, 2 * Math.PI);
  canvas.fill();
  dot(canvas, here.x, here.y, radius, ink.own, "#fff6e0");
  if (camera.scale > 45) label(canvas, "you", here.x, here.y + radius + 10, ink.text);
}

function dot(
  canvas: CanvasRenderingContext2D,
  x: number,
  y: number,
  radius: number,
  fill: string,
  rim: string,
): void {
  canvas.beginPath();
  canvas.arc(x, y, radius, 0, 2 * Math.PI);
  canvas.fillStyle = fill;
  canvas.fill();
  canvas.lineWidth = 1.5;
  canvas.strokeStyle = rim;
  canvas.stroke();
}

function label(
  canvas: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  fill: string,
): void {
  canvas.font = `500 11px ${font}`;
  canvas.textAlign = "center";
  canvas.textBaseline = "middle";
  canvas.fillStyle = fill;
  canvas.fillText(text, x, y);
}

/** The plane is turned so that hexes stand upright; this says where north is. */
function drawNorth(canvas: CanvasRenderingContext2D, { plane, width }: Scene): void {
  const [x, y, length] = [width - 30, 34, 15];
  canvas.save();
  canvas.translate(x, y);
  canvas.rotate(-plane.turn);
  canvas.fillStyle = ink.dim;
  canvas.beginPath();
  canvas.moveTo(0, -length);
  canvas.lineTo(5, 4);
  canvas.lineTo(0, 1);
  canvas.lineTo(-5, 4);
  canvas.closePath();
  canvas.fill();
  canvas.font = `600 10px ${font}`;
  canvas.textAlign = "center";
  canvas.textBaseline = "middle";
  canvas.fillText("N", 0, 13);
  canvas.restore();
}

function textPx(scale: number, share: number): number {
  return Math.round(Math.min(Math.max(scale * share, 9), 18));
}
