import { expect, it } from "vitest";
import { nextAskMs } from "./ask-times.ts";

it("is doubled from 5 s on, up to five minutes", () => {
  const waits = [5_000];
  let elapsedMs = 5_000;
  for (let n = 0; n < 8; n++) {
    const waitMs = nextAskMs(elapsedMs, 5_000);
    waits.push(waitMs);
    elapsedMs += waitMs;
  }
  expect(waits.map((ms) => ms / 1_000)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
});

it("is the first wait at least, when a clock was set back", () => {
  expect(nextAskMs(-60_000, 5_000)).toBe(5_000);
});
