/**
 * The own figure: it walks towards where the player pointed and says where it is, without waiting to be told. Pure
 * but for `send`; time comes from the caller. Places in thousandths of the hex's inradius.
 */
import { clampInside, type Point } from "./map/projection.ts";

export interface Walker {
  /** Undefined until the first state. */
  readonly at: Point | undefined;
  readonly target: Point | undefined;
  /** The place that the server knows; taken once, later ones come from here. */
  begin(at: Point | undefined): void;
  /** Goes back to what the server says. */
  place(at: Point | undefined): void;
  walkTo(target: Point): void;
  /** Stays where it is. */
  stop(): void;
  /** From where it stands; each in thousandths. */
  walkBy(x: number, y: number): void;
  step(elapsedMs: number): void;
}

/** Across a hex in about four seconds. */
const speedPerMs = 0.55;

export function createWalker({ send }: { send: (x: number, y: number) => void }): Walker {
  let at: Point | undefined;
  let target: Point | undefined;
  const walkTo = (point: Point): void => {
    if (at !== undefined) target = clampInside(point);
  };
  return {
    get at() {
      return at;
    },
    get target() {
      return target;
    },
    begin(start) {
      at ??= start;
    },
    place(back) {
      target = undefined;
      if (back !== undefined) at = back;
    },
    walkTo,
    stop: () => (target = undefined),
    walkBy(x, y) {
      if (at !== undefined) walkTo({ x: at.x + x, y: at.y + y });
    },
    step(elapsedMs) {
      if (at === undefined || target === undefined) return;
      const x = target.x - at.x;
      const y = target.y - at.y;
      const distance = Math.hypot(x, y);
      const pace = Math.min(elapsedMs, 100) * speedPerMs;
      if (distance <= pace) {
        at = target;
        target = undefined;
      } else {
        at = { x: at.x + (x / distance) * pace, y: at.y + (y / distance) * pace };
      }
      send(at.x, at.y);
    },
  };
}
