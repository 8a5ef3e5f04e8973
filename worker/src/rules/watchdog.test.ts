import { expect, it } from "vitest";
import { guard } from "./watchdog.ts";

it("gives what the work gives, and throws what it throws", () => {
  expect(guard(() => 7, 100)).toEqual({ end: "done", value: 7 });
  expect(() =>
    guard(() => {
      throw new RangeError("its own");
    }, 100),
  ).toThrow(RangeError);
});

it("ends a loop, also one that catches everything, and the thread goes on", () => {
  const loop = (): never => {
    for (;;) {
      try {
        for (;;);
      } catch {
        // Nothing stops it.
      } finally {
        // Nor here.
      }
    }
  };
  // On a machine that has nothing left for it the work counts as starved: also an end.
  expect(["late", "starved"]).toContain(guard(loop, 30).end);
  expect(guard(() => "after it", 100)).toEqual({ end: "done", value: "after it" });
});

it("charges nobody for time in which the thread had no processor", () => {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  // As a thread that is not scheduled: time passes, and no processor's.
  expect(guard(() => void Atomics.wait(cell, 0, 0, 10_000), 50)).toEqual({ end: "starved" });
});
