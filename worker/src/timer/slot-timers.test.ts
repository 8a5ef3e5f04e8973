import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { startSlotTimers } from "./slot-timers.ts";

it("while its timers cannot be read a slot asks ever more rarely, with one line in the log", async () => {
  let asked = 0;
  let lines = 0;
  const timers = startSlotTimers({
    slot: "cmd.p1",
    pool: { query: () => (asked++, Promise.reject(new Error("away"))) } as never,
    worldNow: () => Date.now(),
    fire: () => Promise.resolve(true),
    logger: { warn: () => void lines++ } as never,
  });
  await pause(1900);
  timers.stop();
  // At 50, 550 and 1,550 ms.
  expect(asked).toBeGreaterThan(1);
  expect(asked).toBeLessThanOrEqual(3);
  expect(lines).toBe(1);
});
