import { type Key, keyText, partitionOf, slotOfPartition } from "@hexhold/hex";

/** Where a key's commands go. One version of the table belongs to one publishing connection. */
export interface RouteTable {
  readonly routeVersion: bigint;
  readonly partitions: number;
  /** Pinned keys by key text. Empty until hot hexes are pinned. */
  readonly pins: ReadonlyMap<string, PinRoute>;
  /** Slots that nobody serves now. */
  readonly stalled: ReadonlySet<string>;
}

/** A key that has a slot of its own, or is on its way to or from it. */
export interface PinRoute {
  readonly slot: string;
  /** Publish nothing for it until the move is done. */
  readonly moving: boolean;
}

/** Slot of `key`: the one function by which every producer routes. */
export function routeOf(key: Key, table: RouteTable): string {
  if (table.pins.size > 0) {
    const pin = table.pins.get(keyText(key));
    if (pin !== undefined) return pin.slot;
  }
  return slotOfPartition(partitionOf(key, table.partitions));
}

/** Whether `key` is on its way from one slot to another: nothing is published for it until it has arrived. */
export function isMoving(key: Key, { pins }: RouteTable): boolean {
  return pins.size > 0 && pins.get(keyText(key))?.moving === true;
}
