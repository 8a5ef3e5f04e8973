/** Single fields of protobuf messages, written and read: what the codecs of the command path are made of. */
import { WireType } from "@bufbuild/protobuf/wire";
import type { Key as WireKey } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Key } from "@hexhold/hex";
import type { WireReader } from "./wire-reader.ts";
import type { WireWriter } from "./wire-writer.ts";

/** Bytes that should have been a message of ours were none. */
export class DecodeError extends Error {
  readonly code = "DECODE";
  constructor(what: string, cause: unknown) {
    super(`${what} cannot be decoded: ${(cause as Error).message}`, { cause });
    this.name = "DecodeError";
  }
}

/** What `decode` returns; whatever it throws is a {@link DecodeError}. */
export function decoding<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new DecodeError(what, error);
  }
}

/** Stands for "no bytes" wherever a field of bytes may be empty. */
export const noBytes = new Uint8Array(0);

/** Writes a field of bytes; none are not written, as proto3 has it. */
export function bytesField(writer: WireWriter, field: number, value: Uint8Array | undefined): void {
  if (value !== undefined && value.length > 0)
    writer.tag(field, WireType.LengthDelimited).bytes(value);
}

/** Writes a text; an empty one is not written. */
export function textField(writer: WireWriter, field: number, value: string | undefined): void {
  if (value !== undefined && value !== "")
    writer.tag(field, WireType.LengthDelimited).string(value);
}

/** Writes an unsigned number, 0…2⁶⁴−1; 0 is not written. */
export function uintField(
  writer: WireWriter,
  field: number,
  value: bigint | number | undefined,
): void {
  if (value === undefined || value === 0 || value === 0n) return;
  writer.tag(field, WireType.Varint);
  if (typeof value === "number") writer.varint(value);
  else writer.varint64(value);
}

/** Writes the key of a hex, if there is one. */
export function keyField(writer: WireWriter, field: number, key: Key | undefined): void {
  if (key === undefined) return;
  writer.tag(field, WireType.LengthDelimited).fork();
  if (key.hexId !== 0n) writer.tag(1, WireType.Bit64).fixed64(key.hexId);
  uintField(writer, 2, key.layerId);
  writer.join();
}

/** Wire types by field number; a message's reader names all that it knows. */
export type WireTypes = readonly (number | undefined)[];
const { Varint, Bit64 } = WireType;
const keyWireTypes: WireTypes = [undefined, Bit64, Varint];

/** Number of the next field; 0 = one that we do not know, passed over. Throws when a field is of another type. */
export function fieldOf(reader: WireReader, known: WireTypes): number {
  const tag = reader.tag();
  const field = knownField(tag, known);
  if (field === 0) reader.skip(tag);
  return field;
}

/** Number of the field whose tag was read, which is still to be read or skipped; 0 = one that we do not know. */
export function knownField(tag: number, known: WireTypes): number {
  const field = tag >>> 3;
  if (field >= known.length) return 0;
  const type = tag & 7;
  if (known[field] !== type) throw new TypeError(`field ${field} has wire type ${type}`);
  return field;
}

/** Its lower 32 bits, as every reader of protobuf takes them. */
export function readUint32(reader: WireReader): number {
  return reader.varint() >>> 0;
}

/** A second one adds to the first, as the encoding has it. */
export function readKey(reader: WireReader, before: WireKey | undefined): WireKey {
  const key: WireKey = before ?? { $typeName: "hexhold.envelope.v1.Key", hexId: 0n, layerId: 0 };
  for (const end = reader.open(); reader.more(end);) {
    switch (fieldOf(reader, keyWireTypes)) {
      case 1:
        key.hexId = reader.fixed64();
        break;
      case 2:
        key.layerId = readUint32(reader);
        break;
      default:
    }
  }
  return key;
}
