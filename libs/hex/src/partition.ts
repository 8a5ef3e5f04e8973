import { type Key, keyText, sharedKeyBytes } from "./key.ts";
import { murmur3 } from "./murmur3.ts";

/** Buckets of the world. Fixed: the bucket leads the primary key of every table that is keyed by hex. */
export const bucketCount = 1024;

/** Queue, slot and lease name of home partition `partition`. */
export function slotOfPartition(partition: number): string {
  return `cmd.p${partition}`;
}

/** Queue, slot and lease name of a pinned hex. */
export function slotOfPin(key: Key): string {
  return `cmd.hex.${keyText(key)}`;
}

/** murmur3 of the key mod 1024. */
export function bucketOf(key: Key): number {
  return murmur3(sharedKeyBytes(key)) % bucketCount;
}

/** Home partition of `key` among `partitions`, which must be a power of two of at most 1024. */
export function partitionOf(key: Key, partitions: number): number {
  return bucketOf(key) % partitions;
}

/** Whether `partitions` is a number of partitions that a world may have: a power of two, 8…64. */
export function isPartitionCount(partitions: number): boolean {
  return partitions >= 8 && partitions <= 64 && Number.isInteger(Math.log2(partitions));
}
