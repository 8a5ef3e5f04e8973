/** One picture of the map. */
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import type { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { capacityOf, stockAt } from "@hexhold/reference-client";
import { isSeen, type KnownHex } from "../hex-index.ts";
import { resourceColours, resourcesIn } from "../words/resource-words.ts";
import { deniedWords } from "../words/session-words.ts";
import type { Camera } from "./camera.ts";
import { drawBuildings, drawOwner, type Land } from "./draw-land.ts";
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
  readonly nameOf: (figure: Figure) => string;
  /** Ways to the neighbours, with what stands on the key; empty while the player cannot walk. */
  readonly ways: readonly {
    readonly hexId: bigint;
    readonly angle: number;
    readonly label: string;
  }[];
  /** Whether keys are likely to be at hand. */
  readonly showsKeys: boolean;
  /** The neighbour that is pointed at. */
  readonly pointed: bigint | undefined;
  /** The hex that the own figure is on the way to, and since when. */
  readonly transit: { readonly hexId: bigint; readonly forMs: number } | undefined;
  /** The own figure and where it goes, in thousandths; undefined: not in the hex. */
  readonly own: { readonly at: Point; readonly target: Point | undefined } | undefined;
}

const ink = {
  line: "#26323f",
  lineNear: "#35465a",
  own: "#f2b84b",
  text: "#dbe5ef",
  dim: "#93a4b7",
  key: "#141c25",
  keyRim: "rgba(242, 184, 75, 0.55)",
  arrow: "#dbe5ef",
  track: "rgba(5,9,13,0.45)",
};
const font = "ui-sans-serif, system-ui, sans-serif";

export function drawScene(canvas: CanvasRenderingContext2D, scene: Scene): void {
  canvas.clearRect(0, 0, scene.width, scene.height);
  const [own, ...others] = scene.plane.hexes;
  for (const hex of others) drawGround(canvas, scene, hex, false);
  if (own !== undefined) drawGround(canvas, scene, own, true);
  drawOutlines(canvas, scene);
  for (const hex of scene.plane.hexes) drawLand(canvas, scene, hex);
  for (const hex of scene.plane.hexes) drawContent(canvas, scene, hex, hex === own);
  if (own !== undefined) drawWays(canvas, scene, own);
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
  const known = scene.known(hex.hexId);
  const { mode } = known;
  outline(canvas, scene, hex);
  canvas.fillStyle = groundOf(hex, known, scene.serverNowMs, isOwn);
  canvas.globalAlpha = mode === "live" ? 1 : mode === "stale" ? 0.75 : 0.45;
  canvas.fill();
  canvas.globalAlpha = 1;
  canvas.lineJoin = "round";
  canvas.setLineDash(mode === "live" ? [] : [5, 6]);
  canvas.lineWidth = isOwn ? 2.5 : 1;
  canvas.strokeStyle = isOwn ? ink.own : isSeen(known) ? ink.lineNear : ink.line;
  canvas.stroke();
  canvas.setLineDash([]);
}

/** Who owns the hex, and what is built on it. */
function drawLand(canvas: CanvasRenderingContext2D, scene: Scene, hex: PlaneHex): void {
  const { view } = scene.known(hex.hexId);
  if (view === undefined) return;
  const { camera } = scene;
  const land: Land = {
    view,
    nowMs: scene.serverNowMs,
    scale: camera.scale,
    centre: camera.toScreen(hex.centre),
    corners: hex.corners.map((corner) => camera.toScreen(corner)),
  };
  drawOwner(canvas, land);
  drawBuildings(canvas, land);
}

function outline(canvas: CanvasRenderingContext2D, scene: Scene, hex: PlaneHex): void {
  canvas.beginPath();
  for (const corner of hex.corners) {
    const { x, y } = scene.camera.toScreen(corner);
    canvas.lineTo(x, y);
  }
  canvas.closePath();
}

/** Of the neighbour that is pointed at, and of the one that is walked to. */
function drawOutlines(canvas: CanvasRenderingContext2D, scene: Scene): void {
  const { plane, pointed, transit, atMs } = scene;
  for (const hex of plane.hexes) {
    const isGoal = hex.hexId === transit?.hexId;
    if (!isGoal && hex.hexId !== pointed) continue;
    outline(canvas, scene, hex);
    canvas.fillStyle = "rgba(242, 184, 75, 0.1)";
    canvas.fill();
    canvas.strokeStyle = ink.own;
    canvas.lineWidth = 1.5;
    if (isGoal) {
      canvas.setLineDash([7, 6]);
      canvas.lineDashOffset = -(atMs / 40) % 13;
    }
    canvas.stroke();
    canvas.setLineDash([]);
    canvas.lineDashOffset = 0;
  }
}

/** On each side of the own hex the key that leads over it, or an arrow where there are no keys. */
function drawWays(canvas: CanvasRenderingContext2D, scene: Scene, own: PlaneHex): void {
  const { camera, showsKeys, pointed } = scene;
  const size = Math.min(Math.max(camera.scale * 0.26, 14), 22);
  canvas.textAlign = "center";
  canvas.textBaseline = "middle";
  for (const { hexId, angle, label: key } of scene.ways) {
    // An inradius away: on the side itself, where neither hex has anything to show.
    const { x, y } = camera.toScreen({
      x: own.centre.x + Math.cos(angle),
      y: own.centre.y + Math.sin(angle),
    });
    const isPointed = hexId === pointed;
    canvas.fillStyle = isPointed ? ink.own : ink.key;
    if (!showsKeys) {
      dot(canvas, x, y, size * 0.46, ink.key, ink.keyRim);
      arrow(canvas, x, y, -angle, size * 0.2);
      continue;
    }
    canvas.beginPath();
    canvas.roundRect(x - size / 2, y - size / 2, size, size, size * 0.25);
    canvas.fill();
    canvas.strokeStyle = isPointed ? ink.own : ink.keyRim;
    canvas.lineWidth = 1;
    canvas.stroke();
    canvas.fillStyle = isPointed ? "#0b0f14" : ink.text;
    canvas.font = `600 ${Math.round(size * 0.58)}px ${font}`;
    canvas.fillText(key, x, y + 0.5);
  }
}

function arrow(
  canvas: CanvasRenderingContext2D,
  x: number,
  y: number,
  turn: number,
  size: number,
): void {
  canvas.save();
  canvas.translate(x, y);
  canvas.rotate(turn);
  canvas.strokeStyle = ink.arrow;
  canvas.lineWidth = 2;
  canvas.lineCap = "round";
  canvas.beginPath();
  canvas.moveTo(-size / 2, -size);
  canvas.lineTo(size / 2, 0);
  canvas.lineTo(-size / 2, size);
  canvas.stroke();
  canvas.restore();
}

/** The fuller its stocks and the higher its level, the greener and the brighter a hex; without a view all are alike. */
function groundOf(
  { hexId, centre }: PlaneHex,
  known: KnownHex,
  nowMs: number,
  isOwn: boolean,
): string {
  if (!isSeen(known)) return "#10161d";
  const level = known.view?.level ?? 0;
  const full = known.view === undefined ? 0 : fullness(known.view, nowMs);
  // The outer ring lies further off.
  const far = Math.hypot(centre.x, centre.y) > 3 ? 2.5 : 0;
  const lightness = 12 + Math.min(level, 12) * 0.9 + full * 4 + (isOwn ? 5 : shadeOf(hexId) - far);
  return `hsl(${200 - full * 32} ${18 + full * 12}% ${lightness}%)`;
}

/** 0: all stocks are empty; 1: all are full. */
function fullness(view: HexView, nowMs: number): number {
  const all = resourcesIn(view);
  const share = (item: Resource): number =>
    stockAt(view, item, nowMs) / Math.max(capacityOf(view, item), 1);
  return all.reduce<number>((sum, item) => sum + share(item), 0) / all.length;
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
  const known = scene.known(hex.hexId);
  const { view, mode, reason = "" } = known;
  const { scale } = scene.camera;
  const centre = scene.camera.toScreen(hex.centre);
  canvas.textAlign = "center";
  canvas.textBaseline = "middle";
  if (!isSeen(known)) {
    canvas.fillStyle = ink.dim;
    canvas.globalAlpha = mode === "denied" ? 0.6 : 0.45 + 0.3 * Math.sin(scene.atMs / 300);
    canvas.font = `500 ${textPx(scale, 0.2)}px ${font}`;
    canvas.fillText(mode === "denied" ? deniedWords(reason) : "…", centre.x, centre.y);
    canvas.globalAlpha = 1;
    return;
  }
  if (view === undefined) return;
  canvas.font = `600 ${textPx(scale, 0.24)}px ${font}`;
  canvas.fillStyle = isOwn ? ink.own : ink.dim;
  canvas.fillText(`L${view.level}`, centre.x, centre.y - scale * 0.74);
  drawStocks(canvas, scene, view, centre);
}

/** A bar for each resource at the southern corner that grow between two events as the stocks do. */
function drawStocks(
  canvas: CanvasRenderingContext2D,
  { camera: { scale }, serverNowMs }: Scene,
  view: HexView,
  centre: Point,
): void {
  const all = resourcesIn(view);
  // Together no wider than a figure's room between the labels of the keys.
  const width = Math.max((scale * 0.39) / all.length, 2);
  const height = scale * 0.34;
  const gap = width * 0.55;
  const left = centre.x - (all.length * (width + gap) - gap) / 2;
  const bottom = centre.y + scale * 0.82;
  all.forEach((resource, i) => {
    const capacity = Math.max(capacityOf(view, resource), 1);
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
    if (scale > 60) label(canvas, scene.nameOf(figure), x, y + radius + 9, ink.dim);
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
  const here = camera.toScreen(onTheWay(scene, hex.toPlane(at)));
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

/** Where the own figure is shown: in transit nobody knows, so it comes near the border and waits there. */
function onTheWay({ plane, transit }: Scene, at: Point): Point {
  const goal = plane.hexes.find(({ hexId }) => hexId === transit?.hexId);
  if (goal === undefined || transit === undefined) return at;
  const share = 0.5 * (1 - Math.exp(-transit.forMs / 250));
  return {
    x: at.x + (goal.centre.x - at.x) * share,
    y: at.y + (goal.centre.y - at.y) * share,
  };
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
