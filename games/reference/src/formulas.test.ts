import { create } from "@bufbuild/protobuf";
import {
  BuildingSchema,
  Biome,
  HexStateSchema,
  Resource,
  SiteKind,
} from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { diskOf, hexAt, regionOf } from "@hexhold/hex";
import { describe, expect, it } from "vitest";
import {
  assetOf,
  biomeOf,
  buildingsMax,
  growthOf,
  grown,
  populationMax,
  resourceOf,
  siteTerms,
  xpForNextLevel,
} from "./formulas.ts";
import { checkOptions, defaultOptions, resourceNames } from "./options.ts";

const berlin = { hexId: hexAt(52.52, 13.4), layerId: 0 };
/** Seen once and written down: stored worlds rest on them. */
const fixed = [Biome.MOUNTAIN, Biome.MARSH, Biome.MARSH];
const landOf = (level: number, counts: Readonly<Record<number, number>> = {}) =>
  create(HexStateSchema, {
    level,
    buildings: Object.entries(counts).map(([kind, count]) =>
      create(BuildingSchema, { kind: Number(kind) as SiteKind, count }),
    ),
  });

describe("biomes", () => {
  it("are those of the region at resolution 4", () => {
    const region = regionOf(berlin.hexId);
    const alike = diskOf(berlin.hexId, 3).filter((hexId) => regionOf(hexId) === region);
    expect(alike.length).toBeGreaterThan(3);
    const biomes = new Set(alike.map((hexId) => biomeOf({ hexId, layerId: 0 })));
    expect([...biomes]).toEqual([biomeOf(berlin)]);
  });

  it("are all of them somewhere, and fixed for ever", () => {
    const places = Array.from({ length: 60 }, (_, n) => hexAt(n - 30, 5 * n));
    const found = new Set(places.map((hexId) => biomeOf({ hexId, layerId: 0 })));
    expect(found.size).toBe(5);
    expect(
      [berlin.hexId, hexAt(40.71, -74), hexAt(-33.87, 151.2)].map((hexId) =>
        biomeOf({ hexId, layerId: 0 }),
      ),
    ).toEqual(fixed);
  });
});

describe("formulas", () => {
  it("of capacity and regrowth count storehouses and wells", () => {
    const options = checkOptions({ biomes: { [nameOf(biomeOf(berlin))]: { ore: 333 } } });
    const at = (level: number, counts = {}) =>
      growthOf(landOf(level, counts), { key: berlin, worldFormat: 2 }, options);
    // ⌊100 · 0.333⌋ · (2 + n) / 2, down.
    const capacities = [0, 1, 2].map((n) =>
      at(0, { [SiteKind.STOREHOUSE]: n }).capacityOf(Resource.ORE),
    );
    expect(capacities).toEqual([33n, 49n, 66n]);
    expect(at(2).regrowthMs).toBe(79_350);
    expect(at(2, { [SiteKind.WELL]: 2 }).regrowthMs).toBe(57_329);
    const old = growthOf(landOf(0), { key: berlin, worldFormat: 1 }, options);
    expect(old.resources.map((resource) => old.capacityOf(resource))).toEqual([100n, 100n, 100n]);
  });

  it("of population, buildings and experience", () => {
    expect(populationMax(landOf(3, { [SiteKind.DWELLING]: 2 }), defaultOptions)).toBe(88);
    expect([0, 2, 3, 8, 9].map((level) => buildingsMax(level, defaultOptions))).toEqual([
      1, 1, 2, 3, 4,
    ]);
    expect([0, 1, 2, 3].map((level) => xpForNextLevel(level, defaultOptions))).toEqual([
      100n,
      150n,
      225n,
      337n,
    ]);
  });

  it("of sites", () => {
    expect(siteTerms(landOf(0, { [SiteKind.WELL]: 3 }), SiteKind.WELL, defaultOptions)).toEqual({
      levelMin: 3,
      needs: [
        { resource: Resource.STONE, need: 505n },
        { resource: Resource.ORE, need: 168n },
      ],
      buildMs: 3_037_500,
    });
  });

  it("stay exact and short at any level", () => {
    expect(grown(100, 1500, 50)).toBe(63_494_168_491);
    expect(grown(1_000_000_000, 10_000, 4_000_000_000)).toBe(1e12);
    expect(grown(1_000_000, 850, 4_000_000_000)).toBe(grown(1_000_000, 850, 1000));
  });

  it("name resources as assets", () => {
    expect(resourceNames.map((name) => assetOf(resourceOf(name)))).toEqual(resourceNames);
    expect(() => resourceOf("coin")).toThrow("coin is no resource");
    expect(() => assetOf(0)).toThrow("resource 0 is unknown");
  });
});

function nameOf(biome: Biome): string {
  return ["", "forest", "hills", "plains", "marsh", "mountain"][biome]!;
}

describe("options", () => {
  it("are completed at every depth", () => {
    const options = checkOptions({ stockCapacity: 7, sites: { well: { needs: { ore: 1 } } } });
    expect(options.stockCapacity).toBe(7);
    expect(options.sites.well).toEqual({
      ...defaultOptions.sites.well,
      needs: { ...defaultOptions.sites.well.needs, ore: 1 },
    });
    expect(checkOptions(undefined)).toEqual(defaultOptions);
  });

  it("are refused with every fault by name", () => {
    const faulty = {
      stockCapacity: 0,
      levelFactorPerMille: 999,
      colour: 1,
      biomes: { forest: { wood: -1 }, desert: {} },
      sites: { well: { needs: { stone: 0, ore: 0 }, buildMs: "soon" } },
      values: 3,
    };
    expect(() => checkOptions(faulty)).toThrow(
      [
        "game.options.stockCapacity: expected a whole number 1…1000000000, got 0",
        "game.options.levelFactorPerMille: expected a whole number 1000…10000, got 999",
        "game.options.colour: there is no such option",
        "game.options.biomes.forest.wood: expected a whole number 0…10000, got -1",
        "game.options.biomes.desert: there is no such option",
        "game.options.sites.well.buildMs: expected a whole number 1…1000000000, got soon",
        "game.options.values: expected a mapping of names to numbers",
        "game.options.sites.well.needs: a site that needs nothing cannot be supplied",
      ].join("\n"),
    );
    expect(() => checkOptions(5)).toThrow("game.options: expected a mapping of names to numbers");
  });
});
