import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { handBack } from "./hand-back.ts";

function slots(count: number) {
  let underWay = 0;
  const seen = { most: 0, order: [] as number[] };
  const releases = Array.from({ length: count }, (_, i) => async () => {
    seen.order.push(i);
    seen.most = Math.max(seen.most, ++underWay);
    await pause(5);
    underWay--;
  });
  return { seen, releases };
}

it("gives back one slot at a time, with a pause behind each", async () => {
  const { seen, releases } = slots(4);
  const startedMs = performance.now();
  await handBack(releases, 20);
  expect(seen).toEqual({ most: 1, order: [0, 1, 2, 3] });
  expect(performance.now() - startedMs).toBeGreaterThan(4 * 20);
});

it("gives back together what is left when its time is up", async () => {
  const { seen, releases } = slots(5);
  await handBack(releases, 10, 1);
  expect(seen).toEqual({ most: 4, order: [0, 1, 2, 3, 4] });
});

it("has nothing to do without slots", async () => {
  await expect(handBack([], 10)).resolves.toBeUndefined();
});
