import { readFixed64 } from "./fixed64.ts";

/**
 * Reads protobuf's wire format field by field: see wire-writer.ts. Bytes that it gives are views of what is read.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength;
  }

  /** Whether anything is left, up to `end` where that is given. */
  more(end: number = this.#end): boolean {
    if (this.#at > end) throw truncated();
    return this.#at < end;
  }

  /** Number and wire type of the next field: number × 8 + type. */
  tag(): number {
    const tag = this.varint();
    if (tag > 0xffff_ffff) throw new RangeError(`${tag} is no tag of a field`);
    return tag;
  }

  /** Whole, 0…2⁵³−1. Throws a RangeError on more, and where the bytes end too early. */
  varint(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let unit = 0x80; unit < 2 ** 56; unit *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
    }
    throw new RangeError("a number is larger than 2^53 - 1");
  }

  /** 0…2⁶⁴−1. */
  varint64(): bigint {
    let low = 0;
    // 7 × 7 bits fit into a number.
    for (let unit = 1; unit < 2 ** 49; unit *= 0x80) {
      const byte = this.#byte();
      low += (byte & 0x7f) * unit;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError("a varint is longer than ten bytes");
  }

  fixed64(): bigint {
    const at = this.#advance(8);
    return readFixed64(this.#bytes, at);
  }

  /** With their length before them. */
  bytes(): Uint8Array {
    const length = this.varint();
    const at = this.#advance(length);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, length);
  }

  /** Bytes as a text of one character each: `bytesText` of what {@link bytes} would give. */
  bytesText(): string {
    const length = this.varint();
    const at = this.#advance(length);
    return this.#bytes.toString("latin1", at, at + length);
  }

  /**
   * Throws a TypeError on bytes that are no UTF-8.
   * @param likely what it probably is, as it was the last time: comparing costs a fraction of making a text.
   */
  string(likely = ""): string {
    const length = this.varint();
    if (length === 0) return "";
    const at = this.#advance(length);
    if (length === likely.length && this.#reads(likely, at)) return likely;
    const text = this.#bytes.toString("utf8", at, at + length);
    // Stands for bytes that are no text; it may have been sent as well.
    if (text.includes("\ufffd")) strict.decode(this.#bytes.subarray(at, at + length));
    return text;
  }

  /** Whether `text` stands at `at`; never when it is not ASCII. */
  #reads(text: string, at: number): boolean {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f || this.#bytes[at + i] !== code) return false;
    }
    return true;
  }

  /** Begins a message inside this one; returns where it ends. */
  open(): number {
    const length = this.varint();
    const end = this.#at + length;
    if (end > this.#end) throw truncated();
    return end;
  }

  /** Passes over the field whose tag was read last. Throws on a wire type that is none of ours. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        while (this.#byte() >= 0x80);
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.#advance(this.varint());
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        throw new TypeError(`field ${tag >>> 3} has wire type ${tag & 7}`);
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw truncated();
    return byte;
  }

  /** Returns where it was. */
  #advance(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw truncated();
    return at;
  }
}

const strict = new TextDecoder("utf-8", { fatal: true });

function truncated(): RangeError {
  return new RangeError("the bytes end in the middle of a field");
}
