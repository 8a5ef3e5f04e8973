import { type Key, keyText, partitionOf, slotOfPartition } from "@hexhold/hex";
import { SlotHealth, type WatchRoutesResponse } from "@hexhold/gen/hexhold/control/v1/control_pb";

/** The route table as `routeOf` of `@hexhold/messaging` takes it. */
export interface ClusterRoutes {
  /** Only grows. */
  readonly routeVersion: bigint;
  readonly partitions: number;
  /** Pinned keys by key text. */
  readonly pins: ReadonlyMap<string, { readonly slot: string; readonly moving: boolean }>;
  /** Slots that nobody serves now. */
  readonly stalled: ReadonlySet<string>;
}

/**
 * The table after `update`: a full one replaces it, another changes what it names. A key whose slot is
 * its home partition again, with nothing moving, is pinned no more. An update that is older than the
 * table, and one that changes a table not yet had, changes nothing.
 */
export function applyRoutes(
  table: ClusterRoutes | undefined,
  update: WatchRoutesResponse,
): ClusterRoutes | undefined {
  if (!update.full && (table === undefined || update.routeVersion < table.routeVersion)) {
    return table;
  }
  const before = update.full ? undefined : table;
  const stalled = new Set(before?.stalled);
  for (const { slot, health } of update.slots) {
    if (health === SlotHealth.OK) stalled.delete(slot);
    else stalled.add(slot);
  }
  const partitions = update.full ? update.partitions : (before?.partitions ?? update.partitions);
  const pins = new Map(before?.pins);
  for (const pin of update.pins) {
    const key: Key = { hexId: pin.hexId, layerId: pin.layerId };
    const home = slotOfPartition(partitionOf(key, partitions));
    if (pin.slot === home && !pin.moving) pins.delete(keyText(key));
    else pins.set(keyText(key), { slot: pin.slot, moving: pin.moving });
  }
  return { routeVersion: update.routeVersion, partitions, pins, stalled };
}
