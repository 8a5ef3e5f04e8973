/** Eight bytes, little-endian. A Buffer reads and writes a bigint by way of others, each an allocation. */
const word = new DataView(new ArrayBuffer(8));
const max = 2n ** 64n - 1n;

export function readFixed64(bytes: Uint8Array, at: number): bigint {
  for (let i = 0; i < 8; i++) word.setUint8(i, bytes[at + i]!);
  return word.getBigUint64(0, true);
}

/** Throws a RangeError unless `value` is 0…2⁶⁴−1. */
export function writeFixed64(bytes: Uint8Array, at: number, value: bigint): void {
  if (value < 0n || value > max) throw new RangeError(`${value} is not of 64 bits without a sign`);
  word.setBigUint64(0, value, true);
  for (let i = 0; i < 8; i++) bytes[at + i] = word.getUint8(i);
}
