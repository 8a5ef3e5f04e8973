/**
 * One-dimensional arrays in PostgreSQL's binary format, to be passed as parameters.
 *
 * pg sends a Buffer parameter in binary format as it is; its own arrays are text, with every bytea as hex
 * digits that are escaped here and parsed there. On the path of a command that is most of the work.
 * Layout: `src/backend/utils/adt/arrayfuncs.c`, array_recv. Loops count here: these arrays are of all kinds, and
 * for them an iterator makes an object a value.
 */

const oid = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, uuid: 2950 } as const;
const headerBytes = 20;
const int8Min = -(2n ** 63n);
const int8Max = 2n ** 63n - 1n;

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
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value === null) hasNull = true;
    else bytes += Buffer.byteLength(value);
  }
  const buffer = allocate(oid.text, values.length, bytes, hasNull);
  let at = headerBytes;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const length = value === null ? -1 : buffer.write(value, at + 4);
    at = buffer.writeInt32BE(length, at) + Math.max(length, 0);
  }
  return buffer;
}

/** `bigint[]`; null elements allowed. Numbers must be safe integers; throws a RangeError on a bigint beyond 64 bits. */
export function int8Array(values: readonly (bigint | number | null)[]): Buffer {
  let nulls = 0;
  for (let i = 0; i < values.length; i++) if (values[i] === null) nulls++;
  const buffer = allocate(oid.int8, values.length, 8 * (values.length - nulls), nulls > 0);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  let at = headerBytes;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value === null) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    at = buffer.writeInt32BE(8, at);
    if (typeof value === "bigint") {
      if (value < int8Min || value > int8Max) throw new RangeError(`${value} is no bigint`);
      // Buffer.writeBigInt64BE divides it into bigints.
      view.setBigInt64(at, value);
      at += 8;
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
  for (let i = 0; i < values.length; i++) {
    at = buffer.writeInt32BE(values[i]!, buffer.writeInt32BE(4, at));
  }
  return buffer;
}

/** `smallint[]`. */
export function int2Array(values: readonly number[]): Buffer {
  const buffer = allocate(oid.int2, values.length, 2 * values.length);
  let at = headerBytes;
  for (let i = 0; i < values.length; i++) {
    at = buffer.writeInt16BE(values[i]!, buffer.writeInt32BE(2, at));
  }
  return buffer;
}

/** `boolean[]`. */
export function boolArray(values: readonly boolean[]): Buffer {
  const buffer = allocate(oid.bool, values.length, values.length);
  let at = headerBytes;
  for (let i = 0; i < values.length; i++) {
    at = buffer.writeInt8(values[i] === true ? 1 : 0, buffer.writeInt32BE(1, at));
  }
  return buffer;
}

function bytesArray(type: number, values: readonly (Uint8Array | null)[]): Buffer {
  let bytes = 0;
  let hasNull = false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value === null) hasNull = true;
    else bytes += value.length;
  }
  const buffer = allocate(type, values.length, bytes, hasNull);
  let at = headerBytes;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
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

/** Reads a `bigint[]` that has no nulls from its text form: pg's own reader takes it letter by letter. */
export function readInt8Array(text: string): bigint[] {
  return text === "{}" ? [] : text.slice(1, -1).split(",").map(BigInt);
}
