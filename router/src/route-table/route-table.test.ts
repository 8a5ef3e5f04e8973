import { SlotHealth } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { expect, test } from "vitest";
import { createRouteTable } from "./route-table.ts";

const slots = ["cmd.p0", "cmd.p1"];

test("first the whole table, then each change of health once, under the version that there is", async () => {
  const table = createRouteTable(4n, 8, slots);
  table.setHealth("cmd.p1", true);
  const stream = table.watch();
  table.setHealth("cmd.p1", true);
  table.setHealth("cmd.p0", true);
  table.setHealth("cmd.p1", false);
  table.unwatch(stream);
  table.setHealth("cmd.p0", false);
  const seen = [];
  for await (const update of stream.items) seen.push(update);
  expect(seen).toEqual([
    {
      routeVersion: 4n,
      partitions: 8,
      full: true,
      slots: [
        { slot: "cmd.p0", health: SlotHealth.STALLED },
        { slot: "cmd.p1", health: SlotHealth.OK },
      ],
    },
    { routeVersion: 4n, partitions: 8, slots: [{ slot: "cmd.p0", health: SlotHealth.OK }] },
    { routeVersion: 4n, partitions: 8, slots: [{ slot: "cmd.p1", health: SlotHealth.STALLED }] },
  ]);
});

test("a producer that reads too slowly loses its stream, not an update", async () => {
  const table = createRouteTable(4n, 8, slots);
  const stream = table.watch();
  for (let n = 0; n < 2_000; n++) table.setHealth("cmd.p0", n % 2 === 0);
  const read = async () => {
    for await (const update of stream.items) expect(update).toBeDefined();
  };
  await expect(read()).rejects.toThrow(/too slowly: open again/);
});
