import { keyText } from "@hexhold/hex";
import { expect, test } from "vitest";
import { spawnHexes } from "./spawn-hexes.ts";

test("players are born where the configuration says, in its order", () => {
  const cells = ["861f1d48fffffff", "86754e64fffffff.3"];
  expect(spawnHexes(cells, []).map(keyText)).toEqual(cells);
});

test("the default is a disk of hexes around one place, cut by the bounds of the world", () => {
  const all = spawnHexes([], []);
  expect(all).toHaveLength(1 + 3 * 12 * 13);
  const some = spawnHexes([], ["841f1d5ffffffff"]);
  expect(some.length).toBeGreaterThan(0);
  expect(some.length).toBeLessThan(all.length);
  expect(() => spawnHexes([], ["84754e7ffffffff"])).toThrow(/set world\.spawn\.cells/);
});

test("what is no hex of the world is refused by name", () => {
  expect(() => spawnHexes(["851f1d4bfffffff"], [])).toThrow(/851f1d4bfffffff is wrong-resolution/);
  expect(() => spawnHexes(["861f1d48fffffff"], ["84754e7ffffffff"])).toThrow(/outside/);
});
