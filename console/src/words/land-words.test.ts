import { create } from "@bufbuild/protobuf";
import { HexViewSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Biome, Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { expect, test } from "vitest";
import { landLines } from "./land-words.ts";

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

test("tells of land, owner, tax, buildings and what is built", () => {
  expect(linesOf({})).toEqual({
    land: "marsh",
    owner: "nobody",
    buildings: "none (0 of 2)",
    site: "none",
  });
  const needs = [
    { resource: Resource.WOOD, need: 150n, got: 20n },
    { resource: Resource.FOOD, need: 100n },
  ];
  const site = { siteId: id, kind: SiteKind.DWELLING, needs };
  const tax = { ratePerMille: 0, nextRatePerMille: 155, nextFromMs: 1_061_000n };
  const owned = { owner: id, ownerUntilMs: 1_000_000n + 3n * 86_400_000n };
  const buildings = [{ kind: SiteKind.WELL, count: 2 }];
  expect(linesOf({ site, tax, ...owned, buildings })).toEqual({
    land: "marsh",
    owner: "Ada for 3 d, no tax, 15.5 % in 2 min",
    buildings: "2 well (2 of 2)",
    site: "dwelling: 20 of 150 wood, 0 of 100 food",
  });
  const started = { ...site, startedMs: 1n, dueMs: 1_042_000n };
  const inForce = { ...tax, nextFromMs: 5n };
  expect(linesOf({ site: started, tax: inForce, ...owned })).toMatchObject({
    owner: "Ada for 3 d, takes 15.5 %",
    site: "dwelling, stands in 42 s",
  });
  expect(linesOf({ site: { ...started, dueMs: 5n } })["site"]).toBe("dwelling, about to stand");
});

test("a term that is over leaves nobody, and an older world has no land", () => {
  expect(linesOf({ owner: id, ownerUntilMs: 5n })["owner"]).toBe("nobody");
  expect(linesOf({ biome: Biome.UNSPECIFIED })).toEqual({});
});
