export {
  areNeighbours,
  type CellFault,
  boundaryOf,
  boundsTest,
  cellFault,
  centreOf,
  diskOf,
  hexAt,
  hexResolution,
  regionOf,
  regionResolution,
  type WorldShape,
  worldTest,
} from "./cell.ts";
export {
  type Key,
  KeyTextError,
  hexText,
  keyBytes,
  keyBytesLength,
  keyText,
  parseKeyText,
  sameKey,
} from "./key.ts";
export { murmur3 } from "./murmur3.ts";
export {
  bucketCount,
  bucketOf,
  isPartitionCount,
  partitionOf,
  slotOfPartition,
  slotOfPin,
} from "./partition.ts";
