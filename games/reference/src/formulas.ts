/** The formulas of the reference game, on whole numbers; docs/formats.md, "Numbers of the reference game". */
import type { DecideContext } from "@hexhold/actor";
import {
  type Biome,
  type HexState,
  Resource,
  SiteKind,
} from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { type Key, keyBytes, murmur3, parseKeyText, regionOf } from "@hexhold/hex";
import {
  biomeNames,
  type ReferenceOptions,
  type ResourceName,
  resourceNames,
  siteNames,
} from "./options.ts";

/** World format with ore and herb, biomes, contributions, sites, owners and taxes. */
export const landFormat = 2;

/** In the order of the state's list. */
const resources = [
  Resource.WOOD,
  Resource.STONE,
  Resource.FOOD,
  Resource.ORE,
  Resource.HERB,
] as const;

/** What can be gathered in a world of that format. */
export function resourcesOf(worldFormat: number): readonly Resource[] {
  return worldFormat < landFormat ? resources.slice(0, 3) : resources;
}

/**
 * Asset of a resource. Throws a RangeError on one that this version does not know: services are rolled out before the
 * workers that use what is new.
 */
export function assetOf(resource: Resource): ResourceName {
  const name = resourceNames[resource - 1];
  if (name === undefined) throw new RangeError(`resource ${resource} is unknown to this version`);
  return name;
}

/** The resource that an asset is. */
export function resourceOf(asset: string): Resource {
  const at = (resourceNames as readonly string[]).indexOf(asset);
  if (at < 0) throw new RangeError(`${asset} is no resource`);
  return resources[at]!;
}

/**
 * base · (factor/1000)^times in whole numbers, rounded down at each step: `**` on fractions may differ between engines,
 * and rules must not. At most 10¹².
 */
export function grown(base: number, factorPerMille: number, times: number): number {
  let value = base;
  for (let i = 0; i < times; i++) {
    const next = Math.floor((value * factorPerMille) / 1000);
    if (next > 1e12) return 1e12;
    // It has come to rest: further steps change nothing.
    if (next === value) return value;
    value = next;
  }
  return value;
}

/** n_k: finished buildings of a kind. */
export function buildingsOf(state: Pick<HexState, "buildings">, kind: SiteKind): number {
  return state.buildings.find((building) => building.kind === kind)?.count ?? 0;
}

/** Finished buildings of all kinds. */
export function allBuildings({ buildings }: Pick<HexState, "buildings">): number {
  return buildings.reduce((sum, { count }) => sum + count, 0);
}

/** How many buildings a hex may have. */
export function buildingsMax(level: number, options: ReferenceOptions): number {
  return options.buildingsBase + Math.floor(level / options.levelsPerBuilding);
}

/** N_max(L): how many players may live in the hex. */
export function populationMax(
  state: Pick<HexState, "level" | "buildings">,
  options: ReferenceOptions,
): number {
  const { populationBase, populationPerLevel, populationPerDwelling } = options;
  const dwellings = buildingsOf(state, SiteKind.DWELLING);
  return populationBase + populationPerLevel * state.level + populationPerDwelling * dwellings;
}

/** K(L): experience for the next level. */
export function xpForNextLevel(level: number, options: ReferenceOptions): bigint {
  return BigInt(grown(options.levelBase, options.levelFactorPerMille, level));
}

/** What `amount` of a resource is worth to a hex to which it is contributed. */
export function valueOf(resource: Resource, amount: bigint, options: ReferenceOptions): bigint {
  return BigInt(options.values[assetOf(resource)]) * amount;
}

/** What a site needs that is planned now, and how long it is built. */
export function siteTerms(
  state: Pick<HexState, "buildings">,
  kind: SiteKind,
  options: ReferenceOptions,
): {
  readonly levelMin: number;
  readonly needs: readonly { readonly resource: Resource; readonly need: bigint }[];
  readonly buildMs: number;
} {
  const { levelMin, buildMs, needs } = options.sites[siteNames[kind - 1]!];
  const more = (base: number): number =>
    grown(base, options.siteFactorPerMille, buildingsOf(state, kind));
  return {
    levelMin,
    needs: resources
      .map((resource) => ({ resource, need: BigInt(more(needs[assetOf(resource)])) }))
      .filter(({ need }) => need > 0n),
    buildMs: more(buildMs),
  };
}

/** Biomes that were asked for lately: the library takes longer than all that is decided with one. */
const lately = new Map<bigint, Biome>();
const latelyMax = 16_384;

/** The biome of a hex: that of its region, so that neighbours are mostly alike. */
export function biomeOf({ hexId, layerId }: Key): Biome {
  const hex = (hexId << 32n) | BigInt(layerId);
  let biome = lately.get(hex);
  if (biome === undefined) {
    const parent = { hexId: parseKeyText(regionOf(hexId)).hexId, layerId };
    biome = (1 + (murmur3(keyBytes(parent), 1) % biomeNames.length)) as Biome;
    if (lately.size >= latelyMax) lately.clear();
    lately.set(hex, biome);
  }
  return biome;
}

/** How stocks of a hex grow. */
export interface Growth {
  /** What can be gathered, in the order of the state's list. */
  readonly resources: readonly Resource[];
  /** What a full stock holds. */
  capacityOf(resource: Resource): bigint;
  /** T(L): time in which a stock grows from empty to full. At least 1. */
  readonly regrowthMs: number;
}

/** How they grow in a hex of that level and with those buildings. */
export function growthOf(
  state: Pick<HexState, "level" | "buildings">,
  { key, worldFormat }: Pick<DecideContext, "key" | "worldFormat">,
  options: ReferenceOptions,
): Growth {
  const { stockCapacity, regrowthBaseMs, regrowthFactorPerMille, wellFactorPerMille } = options;
  const wells = buildingsOf(state, SiteKind.WELL);
  const slow = grown(regrowthBaseMs, regrowthFactorPerMille, state.level);
  const regrowthMs = Math.max(grown(slow, wellFactorPerMille, wells), 1);
  const isLand = worldFormat >= landFormat;
  const perMille = isLand ? options.biomes[biomeNames[biomeOf(key) - 1]!] : undefined;
  const storehouses = buildingsOf(state, SiteKind.STOREHOUSE);
  return {
    resources: resourcesOf(worldFormat),
    capacityOf(resource) {
      const of1000 = perMille?.[assetOf(resource)] ?? 1000;
      const base = Math.floor((stockCapacity * of1000) / 1000);
      return BigInt(Math.floor((base * (2 + storehouses)) / 2));
    },
    regrowthMs,
  };
}
