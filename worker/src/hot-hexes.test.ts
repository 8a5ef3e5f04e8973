import { expect, test } from "vitest";
import { createHotHexes } from "./hot-hexes.ts";

function countTimes(hot: { count(keyText: string): void }, keyText: string, times: number): void {
  for (let i = 0; i < times; i++) hot.count(keyText);
}

test("the ten busiest, busiest first, with their commands per second", () => {
  const hot = createHotHexes(5_000);
  for (const n of [7, 3, 12, 1, 9, 5, 11, 2, 8, 4, 10, 6]) countTimes(hot, `hex-${n}`, n * 2);
  expect(hot.take(7_000)).toEqual(
    [12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map((n) => ({ keyText: `hex-${n}`, commandsPerSecond: n })),
  );
});

test("an interval begins anew; one without commands or without length has nobody", () => {
  const hot = createHotHexes(0);
  countTimes(hot, "a", 30);
  expect(hot.take(10_000)).toEqual([{ keyText: "a", commandsPerSecond: 3 }]);
  expect(hot.take(20_000)).toEqual([]);
  hot.count("a");
  expect(hot.take(20_000)).toEqual([]);
  countTimes(hot, "a", 10);
  expect(hot.take(30_000)).toEqual([{ keyText: "a", commandsPerSecond: 1 }]);
});

test("after 50,000 hexes in an interval only those are counted further, until the next", () => {
  const hot = createHotHexes(0);
  for (let n = 0; n < 50_000; n++) hot.count(`hex-${n}`);
  countTimes(hot, "late", 100);
  countTimes(hot, "hex-49999", 4);
  const first = hot.take(1_000);
  expect(first[0]).toEqual({ keyText: "hex-49999", commandsPerSecond: 5 });
  expect(first.map(({ keyText }) => keyText)).not.toContain("late");
  hot.count("late");
  expect(hot.take(2_000)).toEqual([{ keyText: "late", commandsPerSecond: 1 }]);
});
