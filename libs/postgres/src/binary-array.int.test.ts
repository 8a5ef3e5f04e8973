import { freshDatabase } from "@hexhold/testing";
import { expect, it } from "vitest";
import {
  boolArray,
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  openConnection,
  readInt8Array,
  textArray,
  TextColumn,
  uuidArray,
} from "./index.ts";

it("sends arrays that the server reads as what was meant", async () => {
  const database = await freshDatabase();
  const client = await openConnection({ url: database.url, applicationName: "test" });
  const uuid = Uint8Array.from({ length: 16 }, (_, i) => i);
  const numbers = [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 40, -(2 ** 40), Number.MAX_SAFE_INTEGER];
  const { rows } = await client.query(
    `SELECT $1::bytea[] AS bytea, $2::uuid[] AS uuid, $3::text[] AS text, $4::bigint[] AS int8,
            $5::integer[] AS int4, $6::smallint[] AS int2, $7::boolean[] AS bool, $8::bigint[] AS empty,
            $9::bigint[] AS big`,
    [
      byteaArray([Buffer.from("a"), null, Buffer.alloc(0)]),
      uuidArray([uuid, null]),
      textArray(["ä€𝄞", null, ""]),
      int8Array([...numbers, null]),
      int4Array([-1, 2 ** 31 - 1]),
      int2Array([-1, 1023]),
      boolArray([true, false]),
      int8Array([]),
      int8Array([2n ** 62n, -(2n ** 63n)]),
    ],
  );
  await client.end();
  await database.drop();
  expect(rows[0]).toEqual({
    bytea: [Buffer.from("a"), null, Buffer.alloc(0)],
    uuid: ["00010203-0405-0607-0809-0a0b0c0d0e0f", null],
    text: ["ä€𝄞", null, ""],
    int8: [...numbers.map(String), null],
    int4: [-1, 2 ** 31 - 1],
    int2: [-1, 1023],
    bool: [true, false],
    empty: [],
    big: [String(2n ** 62n), String(-(2n ** 63n))],
  });
});

it("refuses a number that its column could not hold, and forgets the array that it was for", () => {
  for (const value of [2n ** 63n, -(2n ** 63n) - 1n, 2 ** 53, 0.5, Number.NaN]) {
    expect(() => int8Array([1n, value])).toThrow(RangeError);
  }
  for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5]) {
    expect(() => int4Array([1, value])).toThrow(RangeError);
  }
  for (const value of [2 ** 15, -(2 ** 15) - 1, 0.5]) {
    expect(() => int2Array([1, value])).toThrow(RangeError);
  }
  // Element type, one dimension of one element, and 7 behind its length.
  expect(int2Array([7]).toString("hex")).toBe(
    "0000000100000000000000150000000100000001000000020007",
  );
});

it("sends values of any size, whatever the column had before", async () => {
  const database = await freshDatabase();
  const client = await openConnection({ url: database.url, applicationName: "test" });
  const column = new TextColumn();
  // Around what is written letter by letter, and around what the memory has at first and keeps.
  const lengths = [0, 1, 63, 64, 65, 500, 600, 3 << 20, 2, 64];
  const texts = lengths.flatMap((length) => ["x".repeat(length), `${"x".repeat(length)}ä`]);
  const nulls = Array.from({ length: 500 }, () => null);
  for (const values of [nulls, texts, ["after"], [null, "z"], texts.toReversed(), nulls]) {
    const bytes = values.map((text) => (text === null ? null : Buffer.from(text)));
    for (const value of values) column.add(value);
    const { rows } = await client.query<{ text: unknown; bytea: unknown }>(
      "SELECT $1::text[] AS text, $2::bytea[] AS bytea",
      [column.take(), byteaArray(bytes)],
    );
    expect(rows[0]!.text).toEqual(values);
    expect(rows[0]!.bytea).toEqual(bytes);
  }
  await client.end();
  await database.drop();
});

it("reads what the server says of an array of bigint", async () => {
  const database = await freshDatabase();
  const client = await openConnection({ url: database.url, applicationName: "test" });
  const { rows } = await client.query({
    text: "SELECT '{}'::bigint[], '{7}'::bigint[], $1::bigint[]",
    values: [int8Array([1, -(2n ** 63n), 2n ** 63n - 1n])],
    types: { getTypeParser: () => readInt8Array },
    rowMode: "array",
  });
  await client.end();
  await database.drop();
  expect(rows).toEqual([[[], [7n], [1n, -(2n ** 63n), 2n ** 63n - 1n]]]);
});
