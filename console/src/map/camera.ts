/** From the plane to pixels, so that all hexes fit. Pure. */
import type { Plane, Point } from "./projection.ts";

export interface Camera {
  /** Pixels of a unit of the plane. */
  readonly scale: number;
  toScreen(point: Point): Point;
  toPlane(pixel: Point): Point;
}

/** `width`, `height`, `margin` in CSS pixels. */
export function fitCamera(plane: Plane, width: number, height: number, margin: number): Camera {
  const corners = plane.hexes.flatMap((hex) => hex.corners);
  const xs = corners.map(({ x }) => x);
  const ys = corners.map(({ y }) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [bottom, top] = [Math.min(...ys), Math.max(...ys)];
  const scale = Math.max(
    Math.min((width - 2 * margin) / (right - left), (height - 2 * margin) / (top - bottom)),
    1,
  );
  const middle = { x: (left + right) / 2, y: (bottom + top) / 2 };
  return {
    scale,
    toScreen: ({ x, y }) => ({
      x: width / 2 + (x - middle.x) * scale,
      y: height / 2 - (y - middle.y) * scale,
    }),
    toPlane: ({ x, y }) => ({
      x: middle.x + (x - width / 2) / scale,
      y: middle.y - (y - height / 2) / scale,
    }),
  };
}

/** As `camera`, with the picture moved by so many pixels. */
export function movedCamera(camera: Camera, by: Point): Camera {
  return {
    scale: camera.scale,
    toScreen(point) {
      const { x, y } = camera.toScreen(point);
      return { x: x + by.x, y: y + by.y };
    },
    toPlane: ({ x, y }) => camera.toPlane({ x: x - by.x, y: y - by.y }),
  };
}
