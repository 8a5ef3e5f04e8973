/**
 * One-dimensional arrays in PostgreSQL's binary format, written value by value into memory that is used again, to
 * be passed as parameters.
 *
 * pg sends a Buffer parameter in binary format as it is; its own arrays are text, with every bytea as hex digits that
 * are escaped here and parsed there. On the path of a command that is most of the work.
 * Layout: `src/backend/utils/adt/arrayfuncs.c`, array_recv.
 */

const oid = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, uuid: 2950 } as const;
const headerBytes = 20;
const int8Min = -(2n ** 63n);
const int8Max = 2n ** 63n - 1n;
const firstBytes = 512;
/** What one large array needed is not kept for ever. */
const keptBytesMax = 1 << 20;
/** Ids, hashes and names: for them a loop is faster than the call into native code. */
const shortMax = 64;
/** UTF-8, of one unit of a text. */
const bytesPerUnitMax = 3;

abstract class ArrayColumn {
  protected bytes = Buffer.allocUnsafeSlow(firstBytes);
  protected view = viewOf(this.bytes);
  protected length = headerBytes;
  #count = 0;
  #hasNull = false;
  readonly #type: number;

  constructor(type: number) {
    this.#type = type;
  }

  /** The array in memory of its own, small ones in Node's pool; the column is empty then. */
  take(): Buffer {
    const { view } = this;
    const isEmpty = this.#count === 0;
    // An array of nothing has no dimension.
    const length = isEmpty ? 12 : this.length;
    view.setInt32(0, isEmpty ? 0 : 1);
    view.setInt32(4, this.#hasNull ? 1 : 0);
    view.setInt32(8, this.#type);
    view.setInt32(12, this.#count);
    view.setInt32(16, 1);
    const array = Buffer.allocUnsafe(length);
    this.bytes.copy(array, 0, 0, length);
    this.clear();
    return array;
  }

  /** Forgets what was added. */
  clear(): void {
    this.length = headerBytes;
    this.#count = 0;
    this.#hasNull = false;
    if (this.bytes.length > keptBytesMax) this.#replace(firstBytes);
  }

  /** Begins a value of at most `bytesMax` bytes: where its length goes. */
  protected begin(bytesMax: number): number {
    const at = this.length;
    const needed = at + 4 + bytesMax;
    if (needed > this.bytes.length) this.#replace(Math.max(needed, 2 * this.bytes.length));
    this.#count++;
    return at;
  }

  /** Ends a value that began at `at` and has `length` bytes. */
  protected end(at: number, length: number): void {
    this.view.setInt32(at, length);
    this.length = at + 4 + length;
  }

  protected addNull(): void {
    this.#hasNull = true;
    const at = this.begin(0);
    this.view.setInt32(at, -1);
    this.length = at + 4;
  }

  #replace(size: number): void {
    const other = Buffer.allocUnsafeSlow(size);
    this.bytes.copy(other, 0, 0, this.length);
    this.bytes = other;
    this.view = viewOf(other);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

class BytesColumn extends ArrayColumn {
  add(value: Uint8Array | null): void {
    if (value === null) {
      this.addNull();
      return;
    }
    const { length } = value;
    const at = this.begin(length);
    const { bytes } = this;
    if (length > shortMax) bytes.set(value, at + 4);
    else for (let i = 0; i < length; i++) bytes[at + 4 + i] = value[i]!;
    this.end(at, length);
  }
}

/** `bytea[]`. */
export class ByteaColumn extends BytesColumn {
  constructor() {
    super(oid.bytea);
  }
}

/** `uuid[]`, from 16-byte values. */
export class UuidColumn extends BytesColumn {
  constructor() {
    super(oid.uuid);
  }
}

/** `text[]`. */
export class TextColumn extends ArrayColumn {
  constructor() {
    super(oid.text);
  }

  add(value: string | null): void {
    if (value === null) {
      this.addNull();
      return;
    }
    const at = this.begin(bytesPerUnitMax * value.length);
    const isWritten = value.length <= shortMax && this.#writeAscii(value, at + 4);
    this.end(at, isWritten ? value.length : this.bytes.write(value, at + 4));
  }

  #writeAscii(text: string, at: number): boolean {
    const { bytes } = this;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return false;
      bytes[at + i] = unit;
    }
    return true;
  }
}

/** `bigint[]`. */
export class Int8Column extends ArrayColumn {
  constructor() {
    super(oid.int8);
  }

  /** Throws a RangeError on a bigint beyond 64 bits, and on a number that is no safe integer. */
  add(value: bigint | number | null): void {
    if (value === null) {
      this.addNull();
      return;
    }
    const fits =
      typeof value === "bigint"
        ? value >= int8Min && value <= int8Max
        : Number.isSafeInteger(value);
    if (!fits) throw new RangeError(`${value} is no bigint`);
    const at = this.begin(8);
    if (typeof value === "bigint") {
      this.view.setBigInt64(at + 4, value);
    } else {
      const high = Math.floor(value / 0x1_0000_0000);
      this.view.setInt32(at + 4, high);
      this.view.setUint32(at + 8, value - high * 0x1_0000_0000);
    }
    this.end(at, 8);
  }
}

/** `integer[]`. */
export class Int4Column extends ArrayColumn {
  constructor() {
    super(oid.int4);
  }

  /** Throws a RangeError on what has more than 32 bits. */
  add(value: number): void {
    if (value !== (value | 0)) throw new RangeError(`${value} is no integer`);
    const at = this.begin(4);
    this.view.setInt32(at + 4, value);
    this.end(at, 4);
  }
}

/** `smallint[]`. */
export class Int2Column extends ArrayColumn {
  constructor() {
    super(oid.int2);
  }

  /** Throws a RangeError on what has more than 16 bits. */
  add(value: number): void {
    if (value !== (value << 16) >> 16) throw new RangeError(`${value} is no smallint`);
    const at = this.begin(2);
    this.view.setInt16(at + 4, value);
    this.end(at, 2);
  }
}

/** `boolean[]`. */
export class BoolColumn extends ArrayColumn {
  constructor() {
    super(oid.bool);
  }

  add(value: boolean): void {
    const at = this.begin(1);
    this.view.setInt8(at + 4, value ? 1 : 0);
    this.end(at, 1);
  }
}
