import { describe, expect, it } from "vitest";
import {
  areNeighbours,
  boundsTest,
  bucketOf,
  cellFault,
  diskOf,
  hexAt,
  hexText,
  isPartitionCount,
  keyBytes,
  keyText,
  murmur3,
  parseKeyText,
  partitionOf,
  regionOf,
  worldTest,
} from "./index.ts";

/** docs/formats.md: key text, hash, home partition of 8, of 32. */
const vectors: [string, number, number, number][] = [
  ["861f1d48fffffff", 0xf1b5_ac62, 2, 2],
  ["861f1d48fffffff.3", 0x13b0_eaf2, 2, 18],
  ["86754e64fffffff", 0x3af6_fa13, 3, 19],
  ["86754e64fffffff.3", 0x73c9_2fa2, 2, 2],
  ["860800007ffffff", 0x1184_87c2, 2, 2],
  ["860800007ffffff.3", 0xfa2c_4f05, 5, 5],
];

describe("the hash of a key", () => {
  it.each(vectors)("is the contract's for %s", (text, hash, of8, of32) => {
    const key = parseKeyText(text);
    expect(murmur3(keyBytes(key))).toBe(hash);
    expect([partitionOf(key, 8), partitionOf(key, 32)]).toEqual([of8, of32]);
    expect(bucketOf(key)).toBe(hash % 1024);
  });

  it("agrees with the published vectors of murmur3_x86_32 for every tail length", () => {
    const of = (text: string, seed = 0) => murmur3(new TextEncoder().encode(text), seed);
    expect([of(""), of("", 1), of("test"), of("Hello, world!")]).toEqual([
      0, 0x514e_28b7, 0xba6b_d213, 0xc036_3e43,
    ]);
    expect(of("The quick brown fox jumps over the lazy dog")).toBe(0x2e4f_f723);
    expect([of("aaaa", 0x9747_b28c), of("aaa", 0x9747_b28c), of("aa", 0x9747_b28c)]).toEqual([
      0x5a97_808a, 0x283e_0130, 0x5d21_1726,
    ]);
  });

  it("spreads neighbours over all partitions", () => {
    const counts = Array.from({ length: 8 }, () => 0);
    for (const hexId of diskOf(hexAt(52.5, 13.4), 25))
      counts[partitionOf({ hexId, layerId: 0 }, 8)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(180);
    expect(Math.max(...counts)).toBeLessThan(310);
  });
});

describe("key text", () => {
  it("goes both ways", () => {
    for (const text of ["861f1d48fffffff", "861f1d48fffffff.3", "861f1d48fffffff.4294967295"]) {
      expect(keyText(parseKeyText(text))).toBe(text);
    }
  });

  it.each([
    "",
    "861F1D48FFFFFFF",
    "861f1d48ffffff",
    "861f1d48fffffff.0",
    "861f1d48fffffff.4294967296",
    "x",
  ])("refuses %j and says what it expects", (text) =>
    expect(() => parseKeyText(text)).toThrow(/expected 15 lower-case hex digits/),
  );
});

describe("cells", () => {
  it("tells a hex from a coarser cell and from no cell", () => {
    expect(cellFault(0x861f1d48fffffffn)).toBeUndefined();
    expect(cellFault(0x851f1d4bfffffffn)).toBe("wrong-resolution");
    expect(cellFault(1n)).toBe("not-a-cell");
    expect(cellFault(0xffff_ffff_ffff_ffffn)).toBe("not-a-cell");
  });

  it("gives five neighbours to a pentagon and six to others", () => {
    expect(diskOf(0x860800007ffffffn, 1)).toHaveLength(6);
    expect(diskOf(0x861f1d48fffffffn, 1)).toHaveLength(7);
    expect(diskOf(0x861f1d48fffffffn, 2)).toHaveLength(19);
  });

  it("routes views by the parent at resolution 4", () => {
    expect(regionOf(0x861f1d48fffffffn)).toMatch(/^84[0-9a-f]{13}$/);
  });

  it("knows what is inside the bounds", () => {
    const hexId = 0x861f1d48fffffffn;
    expect(boundsTest([])(hexId)).toBe(true);
    expect(boundsTest([regionOf(hexId)])(hexId)).toBe(true);
    expect(boundsTest([regionOf(hexAt(0, 0))])(hexId)).toBe(false);
    expect(() => boundsTest(["nonsense"])).toThrow(/world\.bounds/);
    expect(() => boundsTest([hexText(0x871f1d488ffffffn)])).toThrow(/world\.bounds/);
  });

  it("takes powers of two from 8 to 64 as partition counts", () => {
    expect([4, 8, 12, 32, 64, 128].map(isPartitionCount)).toEqual([
      false,
      true,
      false,
      true,
      true,
      false,
    ]);
  });
});

describe("neighbours", () => {
  it("are the six around a hexagon and the five around a pentagon, which comes first of its disk", () => {
    for (const [hexId, count] of [
      [0x861f1d48fffffffn, 6],
      [0x860800007ffffffn, 5],
    ] as const) {
      const [first, ...around] = diskOf(hexId, 1);
      expect(first).toBe(hexId);
      expect(around).toHaveLength(count);
      for (const other of around) {
        expect(areNeighbours(hexId, other)).toBe(true);
        expect(areNeighbours(other, hexId)).toBe(true);
      }
    }
  });

  it("are neither the hex itself, nor one further away, nor what is no hex", () => {
    const hexId = 0x861f1d48fffffffn;
    expect(areNeighbours(hexId, hexId)).toBe(false);
    expect(areNeighbours(hexId, diskOf(hexId, 2).at(-1)!)).toBe(false);
    expect(areNeighbours(hexId, 5n)).toBe(false);
  });
});

it("a key is in the world when its cell is inside the bounds and its layer is known", () => {
  const isInWorld = worldTest({ bounds: [regionOf(0x861f1d48fffffffn)], layers: [0, 3] });
  expect(isInWorld({ hexId: 0x861f1d48fffffffn, layerId: 3 })).toBe(true);
  expect(isInWorld({ hexId: 0x861f1d48fffffffn, layerId: 1 })).toBe(false);
  expect(isInWorld({ hexId: 0x860800007ffffffn, layerId: 0 })).toBe(false);
  expect(isInWorld({ hexId: 5n, layerId: 0 })).toBe(false);
});
