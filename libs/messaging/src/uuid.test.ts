import { describe, expect, it } from "vitest";
import { isUuidv7, uuidBytes, uuidText, uuidv7Bytes, uuidv7Ms } from "./uuid.ts";

describe("a UUIDv7", () => {
  it("carries its millisecond, version and variant, and goes to text and back", () => {
    for (const ms of [0, 1, 1_700_000_000_123, 2 ** 47]) {
      const id = uuidv7Bytes(ms);
      expect([isUuidv7(id), uuidv7Ms(id)]).toEqual([true, ms]);
      expect(uuidBytes(uuidText(id))).toEqual(id);
    }
    expect(() => uuidBytes("861f1d48fffffff")).toThrow(/not a UUID/);
  });

  it("is not what bytes of another number make", () => {
    for (const length of [0, 15, 17]) {
      expect(() => uuidBytes(uuidText(new Uint8Array(length)))).toThrow(/not a UUID/);
    }
    expect(uuidText(new Uint8Array(0))).toBe("----");
  });

  it("sorts behind those made before it in the same millisecond, and is never the same", () => {
    const ids = Array.from({ length: 2000 }, () => uuidText(uuidv7Bytes(1_700_000_000_000)));
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
