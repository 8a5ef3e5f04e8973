import { describe, expect, it } from "vitest";
import { longestPause } from "./slots.ts";

describe("longestPause", () => {
  it("is the longest time in which somebody waits and nobody is answered", () => {
    const waits = [
      { sentMs: 0, answeredMs: 110 },
      { sentMs: 120, answeredMs: 420 },
      { sentMs: 200, answeredMs: 430 },
    ];
    expect(longestPause(waits, 100, 1000)).toBe(300);
  });

  it("counts no time in which nobody asks", () => {
    const waits = [
      { sentMs: 100, answeredMs: 110 },
      { sentMs: 900, answeredMs: 920 },
    ];
    expect(longestPause(waits, 100, 1000)).toBe(20);
    expect(longestPause([], 100, 1000)).toBe(0);
  });

  it("begins anew at each answer, whoever gets it", () => {
    const waits = [
      { sentMs: 100, answeredMs: 700 },
      { sentMs: 150, answeredMs: 400 },
    ];
    expect(longestPause(waits, 100, 1000)).toBe(300);
  });

  it("counts who still waits at the end, and who has waited before the beginning", () => {
    expect(longestPause([{ sentMs: 400, answeredMs: Infinity }], 100, 1000)).toBe(600);
    expect(longestPause([{ sentMs: 0, answeredMs: 350 }], 100, 1000)).toBe(250);
    expect(longestPause([{ sentMs: 0, answeredMs: 2000 }], 100, 1000)).toBe(900);
  });
});
