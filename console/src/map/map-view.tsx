/** The canvas: pictures while it is seen, and where the player points at. */
import { useEffect, useRef } from "preact/hooks";
import { keyText } from "@hexhold/hex";
import { nameOf } from "../player-names.ts";
import { mapLabel } from "../words/game-words.ts";
import { hasPlaces, isPresent, type Place, transit, type World } from "../world.ts";
import { ways } from "../ways.ts";
import { type Camera, fitCamera, movedCamera } from "./camera.ts";
import { drawScene } from "./draw.ts";
import { createFigures } from "./figures.ts";
import { keyLabels } from "./key-labels.ts";
import { contains, type Plane, type PlaneHex, type Point } from "./projection.ts";

const marginPx = 28;
const narrowMarginPx = 10;
/** One press of an arrow key. */
const keyStep = 160;
const keySteps: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [0, keyStep],
  ArrowDown: [0, -keyStep],
  ArrowLeft: [-keyStep, 0],
  ArrowRight: [keyStep, 0],
};
/** After a walk the map glides to its new middle. */
const glideMs = 450;

export function MapView({ world, plane }: { world: World; plane: Plane }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const place = world.place.value;
  useEffect(
    () => (ref.current === null ? undefined : runMap(ref.current, world, place, plane)),
    [world, place, plane],
  );
  return (
    <canvas
      ref={ref}
      class="map"
      tabIndex={0}
      role="application"
      aria-label={mapLabel(hasPlaces.value)}
    />
  );
}

/** Draws until the function that it returns is called. */
function runMap(element: HTMLCanvasElement, world: World, place: Place, plane: Plane): () => void {
  const canvas = element.getContext("2d");
  if (canvas === null) return () => undefined;
  const figures = createFigures();
  const hasPointer = matchMedia("(hover: hover)");
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const beganMs = performance.now();
  let fitted = fitCamera(plane, 1, 1, 0);
  let camera = fitted;
  let [width, height] = [1, 1];
  let frame = 0;
  let lastMs = beganMs;
  let pointed: bigint | undefined;

  const resize = (): void => {
    ({ width, height } = element.getBoundingClientRect());
    const ratio = Math.min(devicePixelRatio || 1, 3);
    element.width = Math.max(Math.round(width * ratio), 1);
    element.height = Math.max(Math.round(height * ratio), 1);
    canvas.setTransform(ratio, 0, 0, ratio, 0, 0);
    fitted = fitCamera(plane, width, height, width < 480 ? narrowMarginPx : marginPx);
  };

  /** While it glides the hex that was left moves out of the middle. */
  const glide = (atMs: number): Camera => {
    const from = plane.hexes.find(({ hexId }) => hexId === place.from?.hexId);
    const left = 1 - (atMs - beganMs) / glideMs;
    if (from === undefined || left <= 0 || isStill) return fitted;
    const was = fitted.toScreen(from.centre);
    const is = fitted.toScreen(plane.hexes[0]?.centre ?? from.centre);
    const share = Math.min(left, 1) ** 3;
    return movedCamera(fitted, { x: (is.x - was.x) * share, y: (is.y - was.y) * share });
  };

  const draw = (atMs: number): void => {
    const elapsedMs = Math.max(atMs - lastMs, 0);
    lastMs = atMs;
    camera = glide(atMs);
    const { walker } = world;
    const going = transit.value;
    if (isPresent.value && going === undefined) walker.step(elapsedMs);
    const own = isPresent.value ? walker.at : undefined;
    if (own !== undefined) {
      document.body.dataset["x"] = String(Math.round(own.x));
      document.body.dataset["y"] = String(Math.round(own.y));
    }
    const mayWalk = isPresent.value && going === undefined;
    element.style.cursor = pointed !== undefined && mayWalk ? "pointer" : "";
    drawScene(canvas, {
      plane,
      camera,
      width,
      height,
      atMs,
      serverNowMs: world.client.serverNow(),
      known: (hexId) => world.hex(hexId),
      figures: (hex) => {
        const text = keyText({ ...place.home, hexId: hex.hexId });
        return figures.glide(text, world.hex(hex.hexId).view?.players ?? [], elapsedMs);
      },
      self: world.self,
      nameOf: ({ playerId }) => nameOf(playerId),
      own: own === undefined ? undefined : { at: own, target: walker.target },
      ways: mayWalk
        ? ways.value.map(({ key, ...way }) => ({ ...way, label: keyLabels.value[key] }))
        : [],
      showsKeys: hasPointer.matches,
      pointed: mayWalk ? pointed : undefined,
      transit:
        going === undefined
          ? undefined
          : { hexId: going.to.hexId, forMs: performance.now() - going.sinceMs },
    });
    frame = requestAnimationFrame(draw);
  };

  const hexAt = ({ clientX, clientY }: PointerEvent): [PlaneHex | undefined, Point] => {
    const { left, top } = element.getBoundingClientRect();
    const point = camera.toPlane({ x: clientX - left, y: clientY - top });
    return [plane.hexes.find(({ corners }) => contains(corners, point)), point];
  };
  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0 || transit.value !== undefined) return;
    const [hex, point] = hexAt(event);
    if (hex === undefined) return;
    if (hex !== plane.hexes[0]) void world.walkTo(hex.hexId);
    else if (hasPlaces.value) world.walker.walkTo(hex.fromPlane(point));
  };
  const onMove = (event: PointerEvent): void => {
    const [hex] = event.pointerType === "mouse" ? hexAt(event) : [undefined];
    const isWay = ways.value.some(({ hexId }) => hexId === hex?.hexId);
    pointed = isWay ? hex?.hexId : undefined;
  };
  const onOut = (): void => void (pointed = undefined);
  const onKey = (event: KeyboardEvent): void => {
    const step = keySteps[event.key];
    if (step === undefined || !hasPlaces.value || transit.value !== undefined) return;
    event.preventDefault();
    world.walker.walkBy(...step);
  };

  const observer = new ResizeObserver(resize);
  observer.observe(element);
  element.addEventListener("pointerdown", onDown);
  element.addEventListener("pointermove", onMove);
  element.addEventListener("pointerleave", onOut);
  element.addEventListener("keydown", onKey);
  resize();
  frame = requestAnimationFrame(draw);
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    element.removeEventListener("pointerdown", onDown);
    element.removeEventListener("pointermove", onMove);
    element.removeEventListener("pointerleave", onOut);
    element.removeEventListener("keydown", onKey);
  };
}
