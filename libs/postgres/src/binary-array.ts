/**
 * One-dimensional arrays in PostgreSQL's binary format, to be passed as parameters.
 *
 * pg sends a Buffer parameter in binary format as it is; its own arrays are text, with every bytea as hex
 * digits that are escaped here and parsed there. On the path of a command that is most of the work.
 * Layout: `src/backend/utils/adt/arrayfuncs.c`, array_recv.
 */

const oid = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, uuid: 2950 } as const;
const headerBytes = 20;

function allocate(type: number, count: number, dataBytes: number, hasNull = false): Buffer {
  if (count === 0) {
    const empty = Buffer.alloc(12);
    empty.writeInt32BE(type, 8);
    return empty;
  }
  const buffer = Buffer.allocUnsafe(headerBytes + 4 * count + dataBytes);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(hasNull ? 1 : 0, 4);
  buffer.writeInt32BE(type, 8);
  buffer.writeInt32BE(count, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

/** `bytea[]`; null elements allowed. */
export function byteaArray(values: readonly (Uint8Array | null)[]): Buffer {
  return bytesArray(oid.bytea, values);
}

/** `uuid[]` from 16-byte values; null elements allowed. */
export function uuidArray(values: readonly (Uint8Array | null)[]): Buffer {
  return bytesArray(oid.uuid, values);
}

/** `text[]`; null elements allowed. */
export function textArray(values: readonly (string | null)[]): Buffer {
  let bytes = 0;
  let hasNull = false;
  for (const value of values) {
    if (value === null) hasNull = true;
    else bytes += Buffer.byteLength(value);
  }
  const buffer = allocate(oid.text, values.length, bytes, hasNull);
  let at = headerBytes;
  for (const value of values) {
    const length = value === null ? -1 : buffer.write(value, at + 4);
    at = buffer.writeInt32BE(length, at) + Math.max(length, 0);
  }
  return buffer;
}

/** `bigint[]`; null elements allowed. Numbers must be safe integers. */
export function int8Array(values: readonly (bigint | number | null)[]): Buffer {
  const nulls = values.reduce<number>((count, value) => count + (value === null ? 1 : 0), 0);
  const buffer = allocate(oid.int8, values.length, 8 * (values.length - nulls), nulls > 0);
  let at = headerBytes;
  for (const value of values) {
    if (value === null) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    at = buffer.writeInt32BE(8, at);
    if (typeof value === "bigint") {
      at = buffer.writeBigInt64BE(value, at);
    } else {
      const high = Math.floor(value / 0x1_0000_0000);
      at = buffer.writeInt32BE(high, at);
      at = buffer.writeUInt32BE(value - high * 0x1_0000_0000, at);
    }
  }
  return buffer;
}

/** `integer[]`. */
export function int4Array(values: readonly number[]): Buffer {
  const buffer = allocate(oid.int4, values.length, 4 * values.length);
  let at = headerBytes;
  for (const value of values) at = buffer.writeInt32BE(value, buffer.writeInt32BE(4, at));
  return buffer;
}

/** `smallint[]`. */
export function int2Array(values: readonly number[]): Buffer {
  const buffer = allocate(oid.int2, values.length, 2 * values.length);
  let at = headerBytes;
  for (const value of values) at = buffer.writeInt16BE(value, buffer.writeInt32BE(2, at));
  return buffer;
}

/** `boolean[]`. */
export function boolArray(values: readonly boolean[]): Buffer {
  const buffer = allocate(oid.bool, values.length, values.length);
  let at = headerBytes;
  for (const value of values) at = buffer.writeInt8(value ? 1 : 0, buffer.writeInt32BE(1, at));
  return buffer;
}

function bytesArray(type: number, values: readonly (Uint8Array | null)[]): Buffer {
  let bytes = 0;
  let hasNull = false;
  for (const value of values) {
    if (value === null) hasNull = true;
    else bytes += value.length;
  }
  const buffer = allocate(type, values.length, bytes, hasNull);
  let at = headerBytes;
  for (const value of values) {
    if (value === null) {
      at = buffer.writeInt32BE(-1, at);
    } else {
      at = buffer.writeInt32BE(value.length, at);
      buffer.set(value, at);
      at += value.length;
    }
  }
  return buffer;
}
