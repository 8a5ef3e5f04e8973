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

it("refuses a bigint that its column could not hold", () => {
  for (const value of [2n ** 63n, -(2n ** 63n) - 1n]) {
    expect(() => int8Array([1n, value])).toThrow(RangeError);
  }
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
