import { create } from "@bufbuild/protobuf";
import { HexViewSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Biome, SiteKind, SiteSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { expect, test } from "vitest";
import { landLines, siteWords } from "./land-words.ts";

const id = new Uint8Array(16).fill(1);
const nowMs = 1_000_000;
const linesOf = (init: object): Record<string, string> =>
  Object.fromEntries(
    landLines(
      create(HexViewSchema, { biome: Biome.MARSH, buildingsMax: 2, ...init }),
      nowMs,
      () => "Ada",
    ).map(({ name, words }) => [name, words]),
  );

test("tells of land, owner, tax and buildings", () => {
  expect(linesOf({})).toEqual({
    land: "marsh",
    owner: "nobody",
    buildings: "none (0 of 2)",
  });
  const tax = { ratePerMille: 0, nextRatePerMille: 155, nextFromMs: 1_061_000n };
  const owned = { owner: id, ownerUntilMs: 1_000_000n + 3n * 86_400_000n };
  const buildings = [{ kind: SiteKind.WELL, count: 2 }];
  expect(linesOf({ tax, ...owned, buildings })).toEqual({
    land: "marsh",
    owner: "Ada for 3 d",
    tax: "none, 15.5 % in 2 min",
    buildings: "2 well (2 of 2)",
  });
  const inForce = { ...tax, nextFromMs: 5n };
  expect(linesOf({ tax: inForce, ...owned })["tax"]).toBe("15.5 %");
});

test("a site says what it waits for", () => {
  const saidOf = (init: object): string => siteWords(create(SiteSchema, init), nowMs);
  expect(saidOf({})).toBe("Needs these goods before it is built:");
  expect(saidOf({ startedMs: 1n, dueMs: 1_042_000n })).toBe("Stands in 0:42");
  expect(saidOf({ startedMs: 1n, dueMs: 5n })).toBe("About to stand");
});

test("a term that is over leaves nobody, and an older world has no land", () => {
  expect(linesOf({ owner: id, ownerUntilMs: 5n })["owner"]).toBe("nobody");
  expect(linesOf({ biome: Biome.UNSPECIFIED })).toEqual({});
});
