/** The canvas: pictures while it is seen, and where the player points at. */
import { useEffect, useRef } from "preact/hooks";
import type { World } from "../world.ts";
import { isPresent } from "../world.ts";
import { keyText } from "@hexhold/hex";
import { type Camera, fitCamera } from "./camera.ts";
import { drawScene } from "./draw.ts";
import { createFigures } from "./figures.ts";
import { contains, layOut, type Plane, type Point } from "./projection.ts";

const marginPx = 28;
/** One press of an arrow key. */
const keyStep = 160;
const keySteps: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [0, keyStep],
  ArrowDown: [0, -keyStep],
  ArrowLeft: [-keyStep, 0],
  ArrowRight: [keyStep, 0],
};

export function MapView({ world }: { world: World }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => (ref.current === null ? undefined : runMap(ref.current, world)), [world]);
  return (
    <canvas
      ref={ref}
      class="map"
      tabIndex={0}
      role="application"
      aria-label="Map of the hexes around you. Click or tap inside your hex to walk there, or use the arrow keys."
    />
  );
}

/** Draws until the function that it returns is called. */
function runMap(element: HTMLCanvasElement, world: World): () => void {
  const canvas = element.getContext("2d");
  if (canvas === null) return () => undefined;
  const plane = layOut(
    world.home.hexId,
    world.ring.map(({ hexId }) => hexId),
  );
  const figures = createFigures();
  let camera = fitCamera(plane, 1, 1, 0);
  let [width, height] = [1, 1];
  let frame = 0;
  let lastMs = performance.now();

  const resize = (): void => {
    ({ width, height } = element.getBoundingClientRect());
    const ratio = Math.min(devicePixelRatio || 1, 3);
    element.width = Math.max(Math.round(width * ratio), 1);
    element.height = Math.max(Math.round(height * ratio), 1);
    canvas.setTransform(ratio, 0, 0, ratio, 0, 0);
    camera = fitCamera(plane, width, height, marginPx);
  };

  const draw = (atMs: number): void => {
    const elapsedMs = Math.max(atMs - lastMs, 0);
    lastMs = atMs;
    const { walker } = world;
    if (isPresent.value) walker.step(elapsedMs);
    const own = isPresent.value ? walker.at : undefined;
    if (own !== undefined) {
      document.body.dataset["x"] = String(Math.round(own.x));
      document.body.dataset["y"] = String(Math.round(own.y));
    }
    drawScene(canvas, {
      plane,
      camera,
      width,
      height,
      atMs,
      serverNowMs: world.client.serverNow(),
      known: (hexId) => world.hex(hexId),
      figures: (hex) => {
        const text = keyText({ ...world.home, hexId: hex.hexId });
        return figures.glide(text, world.hex(hex.hexId).view?.players ?? [], elapsedMs);
      },
      self: world.self,
      own: own === undefined ? undefined : { at: own, target: walker.target },
    });
    frame = requestAnimationFrame(draw);
  };

  const onPointer = (event: PointerEvent): void => {
    const inside = pointedAt(element, camera, plane, event);
    if (inside !== undefined) world.walker.walkTo(inside);
  };
  const onKey = (event: KeyboardEvent): void => {
    const step = keySteps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    world.walker.walkBy(...step);
  };

  const observer = new ResizeObserver(resize);
  observer.observe(element);
  element.addEventListener("pointerdown", onPointer);
  element.addEventListener("keydown", onKey);
  resize();
  frame = requestAnimationFrame(draw);
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    element.removeEventListener("pointerdown", onPointer);
    element.removeEventListener("keydown", onKey);
  };
}

/** The place inside the own hex, in thousandths; undefined elsewhere. */
function pointedAt(
  element: HTMLCanvasElement,
  camera: Camera,
  plane: Plane,
  { clientX, clientY }: PointerEvent,
): Point | undefined {
  const { left, top } = element.getBoundingClientRect();
  const point = camera.toPlane({ x: clientX - left, y: clientY - top });
  const [own] = plane.hexes;
  return own !== undefined && contains(own.corners, point) ? own.fromPlane(point) : undefined;
}
