import { writeFixed64 } from "./fixed64.ts";

/**
 * Protobuf's wire format, written into memory that is used again. The library's BinaryWriter begins each
 * message with 128 bytes of its own, replaces them each time they have grown and copies the result into an
 * allocation of its own; on the path of a command that costs more than the fields do, most of all in the
 * collection of all these pieces. See https://protobuf.dev/programming-guides/encoding/.
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #length = 0;
  readonly #forks: number[] = [];

  /** Begins a field. */
  tag(field: number, type: WireTypeNumber): this {
    return this.varint((field << 3) | type);
  }

  /** Whole, 0…2⁵³−1. */
  varint(value: number): this {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** 0…2⁶⁴−1. */
  varint64(value: bigint): this {
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return this.varint(Number(value));
    this.#reserve(10);
    let rest = value;
    while (rest > 0x7fn) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
    return this;
  }

  fixed64(value: bigint): this {
    this.#reserve(8);
    writeFixed64(this.#bytes, this.#length, value);
    this.#length += 8;
    return this;
  }

  /** As they are, without a length. */
  raw(bytes: Uint8Array): this {
    const { length } = bytes;
    this.#reserve(length);
    if (length <= shortBytesMax) {
      for (let i = 0; i < length; i++) this.#bytes[this.#length + i] = bytes[i]!;
    } else {
      this.#bytes.set(bytes, this.#length);
    }
    this.#length += length;
    return this;
  }

  /** With their length. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  string(text: string): this {
    if (text.length <= shortTextMax && this.#shortAscii(text)) return this;
    const length = Buffer.byteLength(text);
    this.varint(length).#reserve(length);
    this.#length += this.#bytes.write(text, this.#length, length);
    return this;
  }

  /** Names and types are short and ASCII: for them the two calls into native code cost most. */
  #shortAscii(text: string): boolean {
    const { length } = text;
    this.#reserve(length + 1);
    const bytes = this.#bytes;
    const start = this.#length + 1;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[start + i] = code;
    }
    bytes[this.#length] = length;
    this.#length = start + length;
    return true;
  }

  /** Begins a message inside this one, whose length is not known yet. */
  fork(): this {
    this.#reserve(1);
    this.#forks.push(++this.#length);
    return this;
  }

  /** Ends what the last `fork` began. */
  join(): this {
    const start = this.#forks.pop();
    if (start === undefined) throw new Error("nothing was begun that could end here");
    const length = this.#length - start;
    const more = lengthOfVarint(length) - 1;
    if (more > 0) {
      this.#reserve(more);
      this.#bytes.copyWithin(start + more, start, this.#length);
    }
    this.#length = start - 1;
    this.varint(length);
    this.#length += length;
    return this;
  }

  /** A copy of what was written, small ones in Node's pool; the writer is empty then. */
  finish(): Uint8Array {
    const bytes = Buffer.allocUnsafe(this.#length);
    this.#bytes.copy(bytes, 0, 0, this.#length);
    this.clear();
    return bytes;
  }

  /** As {@link finish}, in memory that belongs to nothing else: for a transfer to another thread. */
  finishAlone(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#length);
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.clear();
    return bytes;
  }

  clear(): void {
    this.#length = 0;
    if (this.#forks.length > 0) this.#forks.length = 0;
    // What one large message needed is not kept for ever.
    if (this.#bytes.length > keptBytesMax) this.#bytes = Buffer.allocUnsafeSlow(4096);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** Varint, 64 bits, length-delimited. */
export type WireTypeNumber = 0 | 1 | 2;

const keptBytesMax = 1 << 20;
/** Ids and hashes: for them a loop is faster than the call that copies. */
const shortBytesMax = 32;
/** Its length is one byte. */
const shortTextMax = 64;

function lengthOfVarint(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

let idle: WireWriter | undefined;

/** The bytes that `write` writes. */
export function encoded(write: (writer: WireWriter) => void): Uint8Array {
  const writer = idle ?? new WireWriter();
  // Neither for a message inside this one, nor ever again when `write` throws and leaves half a message.
  idle = undefined;
  write(writer);
  const bytes = writer.finish();
  idle = writer;
  return bytes;
}
