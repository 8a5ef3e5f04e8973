import { expect, it } from "vitest";
import { nextResendMs, resendMsFirst } from "./resend-times.ts";

it("is doubled from 30 s on, up to an hour", () => {
  const waits = [resendMsFirst];
  let elapsedMs = resendMsFirst;
  for (let n = 0; n < 9; n++) {
    const waitMs = nextResendMs(elapsedMs);
    waits.push(waitMs);
    elapsedMs += waitMs;
  }
  expect(waits.map((ms) => ms / 1000)).toEqual([
    30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600,
  ]);
});

it("is the first wait at least, when a clock was set back", () => {
  expect(nextResendMs(-60_000)).toBe(resendMsFirst);
});
