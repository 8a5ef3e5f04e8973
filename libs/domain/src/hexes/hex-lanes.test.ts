import { keyText, parseKeyText } from "@hexhold/hex";
import { type RouteTable, routeOf } from "@hexhold/messaging";
import { expect, test } from "vitest";
import { hexLanesOf, slotOfSubject } from "./hex-lanes.ts";

const cells = ["86754e64fffffff", "86754e64fffffff.3", "860800007ffffff", "860800007ffffff.3"];

function tableOf(pins: RouteTable["pins"] = new Map()): RouteTable {
  return { routeVersion: 1n, partitions: 8, pins, stalled: new Set() };
}

const open = (): boolean => false;
const positions = (lanes: Map<string, { readonly position: number }[]>) =>
  Object.fromEntries([...lanes].map(([slot, rows]) => [slot, rows.map((row) => row.position)]));

test("rows go by the slots of their hexes, in order, as many for each as are asked for", () => {
  const table = tableOf();
  const [a, b] = cells as [string, string];
  const [slotA, slotB] = [a, b].map((cell) => routeOf(parseKeyText(cell), table)) as [
    string,
    string,
  ];
  expect(slotA).not.toBe(slotB);
  const rows = [a, a, b, a, b, a].map((subject, position) => ({ subject, position }));
  expect(positions(hexLanesOf(rows, table, open, 3))).toEqual({
    [slotA]: [0, 1, 3],
    [slotB]: [2, 4],
  });
  expect(positions(hexLanesOf(rows, table, (slot) => slot === slotA, 3))).toEqual({
    [slotB]: [2, 4],
  });
});

test("a pinned hex has a slot of its own, and nothing is sent to it while it is moving", () => {
  const [hot, other] = cells as [string, string];
  const pinned = (moving: boolean) =>
    tableOf(new Map([[keyText(parseKeyText(hot)), { slot: "cmd.hex.hot", moving }]]));
  expect(slotOfSubject(hot, pinned(false))).toBe("cmd.hex.hot");
  expect(slotOfSubject(hot, pinned(true))).toBeUndefined();
  expect(slotOfSubject("nowhere", pinned(true))).toBeNull();
  const rows = [hot, other, "nowhere", hot].map((subject, position) => ({ subject, position }));
  const slot = routeOf(parseKeyText(other), tableOf());
  expect(positions(hexLanesOf(rows, pinned(true), open, 9))).toEqual({ [slot]: [1] });
  expect(positions(hexLanesOf(rows, pinned(false), open, 9))).toEqual({
    "cmd.hex.hot": [0, 3],
    [slot]: [1],
  });
});
