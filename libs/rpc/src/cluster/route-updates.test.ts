import { create } from "@bufbuild/protobuf";
import { SlotHealth, WatchRoutesResponseSchema } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { bucketOf, keyText, partitionOf, slotOfPartition } from "@hexhold/hex";
import { expect, test } from "vitest";
import { applyRoutes } from "./route-updates.ts";

const key = { hexId: 0x861f1d48fffffffn, layerId: 0 };
const home = slotOfPartition(partitionOf(key, 8));
const update = (init: Parameters<typeof create<typeof WatchRoutesResponseSchema>>[1]) =>
  create(WatchRoutesResponseSchema, init);
const ok = { slot: "cmd.p0", health: SlotHealth.OK };
const stalled = { slot: "cmd.p1", health: SlotHealth.STALLED };
const full = update({ routeVersion: 4n, full: true, partitions: 8, slots: [ok, stalled] });

test("the first full table is taken as it is", () => {
  expect(bucketOf(key)).toBeLessThan(1024);
  expect(applyRoutes(undefined, full)).toEqual({
    routeVersion: 4n,
    partitions: 8,
    pins: new Map(),
    stalled: new Set(["cmd.p1"]),
  });
});

test("a change touches what it names, and no earlier table", () => {
  const before = applyRoutes(undefined, full);
  const after = applyRoutes(
    before,
    update({ routeVersion: 4n, slots: [{ slot: "cmd.p1", health: SlotHealth.OK }] }),
  );
  expect(after?.stalled).toEqual(new Set());
  expect(before?.stalled).toEqual(new Set(["cmd.p1"]));
  expect(after?.partitions).toBe(8);
});

test("a change before any full table, and one older than the table, change nothing", () => {
  expect(applyRoutes(undefined, update({ routeVersion: 4n, slots: [ok] }))).toBeUndefined();
  const before = applyRoutes(undefined, full);
  expect(applyRoutes(before, update({ routeVersion: 3n, slots: [stalled] }))).toBe(before);
});

test("a pin is had while it moves and when it is away, and gone when it is home", () => {
  const pinned = `cmd.hex.${keyText(key)}`;
  const step = (version: bigint, slot: string, moving: boolean) =>
    update({ routeVersion: version, pins: [{ ...key, slot, moving }] });
  let table = applyRoutes(applyRoutes(undefined, full), step(5n, pinned, true));
  expect(table?.pins.get(keyText(key))).toEqual({ slot: pinned, moving: true });
  table = applyRoutes(table, step(6n, home, true));
  expect(table?.pins.get(keyText(key))).toEqual({ slot: home, moving: true });
  table = applyRoutes(table, step(7n, home, false));
  expect(table?.pins.size).toBe(0);
});
