/** Arrays that are there already, in PostgreSQL's binary format: see array-column.ts. */
import {
  BoolColumn,
  ByteaColumn,
  Int2Column,
  Int4Column,
  Int8Column,
  TextColumn,
  UuidColumn,
} from "./array-column.ts";

interface Column<T> {
  add(value: T): void;
  take(): Buffer;
  clear(): void;
}

function arrayOf<T>(column: Column<T>): (values: readonly T[]) => Buffer {
  return (values) => {
    // Of an array whose value was refused.
    column.clear();
    for (let i = 0; i < values.length; i++) column.add(values[i]!);
    return column.take();
  };
}

/** `bytea[]`; null elements allowed. */
export const byteaArray = arrayOf<Uint8Array | null>(new ByteaColumn());

/** `uuid[]` from 16-byte values; null elements allowed. */
export const uuidArray = arrayOf<Uint8Array | null>(new UuidColumn());

/** `text[]`; null elements allowed. */
export const textArray = arrayOf<string | null>(new TextColumn());

/** `bigint[]`; null elements allowed. Throws a RangeError on a bigint beyond 64 bits, and on a number that is no safe integer. */
export const int8Array = arrayOf<bigint | number | null>(new Int8Column());

/** `integer[]`. Throws a RangeError on what has more than 32 bits. */
export const int4Array = arrayOf<number>(new Int4Column());

/** `smallint[]`. Throws a RangeError on what has more than 16 bits. */
export const int2Array = arrayOf<number>(new Int2Column());

/** `boolean[]`. */
export const boolArray = arrayOf<boolean>(new BoolColumn());

/** Reads a `bigint[]` that has no nulls from its text form: pg's own reader takes it letter by letter. */
export function readInt8Array(text: string): bigint[] {
  return text === "{}" ? [] : text.slice(1, -1).split(",").map(BigInt);
}
