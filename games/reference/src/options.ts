/** Numbers of the reference game; docs/formats.md, "Numbers of the reference game". */

/** What can be gathered, as assets are called, in the order of the enum. */
export const resourceNames = ["wood", "stone", "food", "ore", "herb"] as const;
export type ResourceName = (typeof resourceNames)[number];
export type PerResource = Readonly<Record<ResourceName, number>>;

/** In the order of the enum. */
export const biomeNames = ["forest", "hills", "plains", "marsh", "mountain"] as const;
export type BiomeName = (typeof biomeNames)[number];

/** In the order of the enum. */
export const siteNames = ["dwelling", "storehouse", "well"] as const;
export type SiteName = (typeof siteNames)[number];

/** The first building of a kind; each further one of it needs more, see {@link ReferenceOptions.siteFactorPerMille}. */
export interface SiteOptions {
  /** Level from which it can be planned. */
  readonly levelMin: number;
  /** How long it is built once its needs are met. */
  readonly buildMs: number;
  /** 0 = none of it. */
  readonly needs: PerResource;
}

export interface ReferenceOptions {
  /** T0: time in which a stock of a level-0 hex grows from empty to full. */
  readonly regrowthBaseMs: number;
  /** r, in thousandths: T(L) = T0 · r^L. */
  readonly regrowthFactorPerMille: number;
  /** T(L) is multiplied by this for each well; thousandths. */
  readonly wellFactorPerMille: number;
  /** S: what a full stock holds where the biome has 1000 of a resource. */
  readonly stockCapacity: number;
  /** m: what a biome has of a resource, in thousandths of S. */
  readonly biomes: Readonly<Record<BiomeName, PerResource>>;
  /** N_max(L) = base + perLevel · L + perDwelling · dwellings residents. */
  readonly populationBase: number;
  readonly populationPerLevel: number;
  readonly populationPerDwelling: number;
  /** K(L) = base · factor^L experience for the next level; factor in thousandths. */
  readonly levelBase: number;
  readonly levelFactorPerMille: number;
  /** What a unit that is contributed is worth to the hex. */
  readonly values: PerResource;
  /** Experience for each point of value that is contributed. */
  readonly xpPerValue: number;
  /**
   * Coin for each point of value that is contributed. An option of the game and not of the inventory: the platform does
   * not know what value is, and a reward is written into the event, so that changing the option changes no event's worth.
   */
  readonly coinPerValue: number;
  /** A hex has at most base + ⌊L / levelsPerBuilding⌋ buildings. */
  readonly buildingsBase: number;
  readonly levelsPerBuilding: number;
  readonly sites: Readonly<Record<SiteName, SiteOptions>>;
  /** Needs and time of a site are multiplied by this for each finished building of its kind; thousandths. */
  readonly siteFactorPerMille: number;
  /** Highest tax, in thousandths. */
  readonly taxPerMilleMax: number;
  /** Time until a tax that was set is in force: no owner raises it in front of a loaded caravan. */
  readonly taxDelayMs: number;
  /** Time after which the inventory is asked what became of a take; doubled each time, up to 5 min. */
  readonly takeQueryMs: number;
  /** Time after which the destination of a transfer is asked for its answer; doubled each time, up to 5 min. */
  readonly transferQueryMs: number;
  /** How long a hex keeps its answers to transfers: longer than an outbox keeps its rows (72 h). */
  readonly transferAnswerKeepHours: number;
}

const perResource = (
  wood: number,
  stone: number,
  food: number,
  ore: number,
  herb: number,
): PerResource => ({ wood, stone, food, ore, herb });

export const defaultOptions: ReferenceOptions = {
  regrowthBaseMs: 60_000,
  regrowthFactorPerMille: 1150,
  wellFactorPerMille: 850,
  stockCapacity: 100,
  biomes: {
    forest: perResource(1500, 500, 900, 200, 1000),
    hills: perResource(800, 1500, 700, 900, 500),
    plains: perResource(700, 500, 1500, 200, 800),
    marsh: perResource(900, 300, 800, 400, 1500),
    mountain: perResource(500, 1400, 300, 1500, 300),
  },
  populationBase: 32,
  populationPerLevel: 8,
  populationPerDwelling: 16,
  levelBase: 100,
  levelFactorPerMille: 1500,
  values: perResource(1, 2, 1, 4, 3),
  xpPerValue: 10,
  coinPerValue: 1,
  buildingsBase: 1,
  levelsPerBuilding: 3,
  sites: {
    dwelling: { levelMin: 1, buildMs: 300_000, needs: perResource(150, 0, 100, 0, 0) },
    storehouse: { levelMin: 2, buildMs: 600_000, needs: perResource(200, 100, 0, 0, 0) },
    well: { levelMin: 3, buildMs: 900_000, needs: perResource(0, 150, 0, 50, 0) },
  },
  siteFactorPerMille: 1500,
  taxPerMilleMax: 200,
  taxDelayMs: 600_000,
  takeQueryMs: 5000,
  transferQueryMs: 5000,
  transferAnswerKeepHours: 96,
};

/** Largest of all numbers: products of two of them are exact in a double. */
const numberMax = 1_000_000_000;
/** What is less, or more, makes no rules; by name. Default: from 0. */
const limits: Readonly<Record<string, readonly [min: number, max: number]>> = {
  stockCapacity: [1, numberMax],
  regrowthBaseMs: [1, numberMax],
  // Else a stock would have no time to grow in, or less with each level.
  regrowthFactorPerMille: [1000, 10_000],
  wellFactorPerMille: [0, 1000],
  levelBase: [1, numberMax],
  // Else a level would cost nothing after some levels, and a hex would rise for ever.
  levelFactorPerMille: [1000, 10_000],
  siteFactorPerMille: [1000, 10_000],
  levelsPerBuilding: [1, 1000],
  taxPerMilleMax: [0, 1000],
  takeQueryMs: [1, numberMax],
  transferQueryMs: [1, numberMax],
  buildMs: [1, numberMax],
  populationBase: [0, 100_000],
  populationPerLevel: [0, 1000],
  populationPerDwelling: [0, 10_000],
  xpPerValue: [0, 1000],
  coinPerValue: [0, 1000],
};
/** The same, of all numbers of a mapping. */
const limitsInside: Readonly<Record<string, readonly [min: number, max: number]>> = {
  ...Object.fromEntries(biomeNames.map((name) => [`game.options.biomes.${name}`, [0, 10_000]])),
  "game.options.values": [0, 1000],
};

/** Completes and checks what the configuration gives. Throws a RangeError that names every fault. */
export function checkOptions(given: unknown): ReferenceOptions {
  const faults: string[] = [];
  const options = completed(defaultOptions, given, "game.options", faults) as ReferenceOptions;
  for (const [name, site] of Object.entries(options.sites)) {
    if (typeof site !== "object") continue;
    if (Object.values(site.needs ?? {}).every((need) => need === 0)) {
      faults.push(`game.options.sites.${name}.needs: a site that needs nothing cannot be supplied`);
    }
  }
  if (faults.length > 0) throw new RangeError(faults.join("\n"));
  return options;
}

type Tree = number | { readonly [name: string]: Tree };

/** `given` with the defaults for what it leaves out; what is wrong in it goes into `faults`. */
function completed(defaults: object, given: unknown, path: string, faults: string[]): object {
  if (given === undefined) return defaults;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    faults.push(`${path}: expected a mapping of names to numbers`);
    return defaults;
  }
  const known = defaults as Readonly<Record<string, Tree>>;
  const result: Record<string, unknown> = { ...known };
  for (const [name, value] of Object.entries(given as Readonly<Record<string, unknown>>)) {
    const there = Object.hasOwn(known, name) ? known[name] : undefined;
    const at = `${path}.${name}`;
    if (there === undefined) faults.push(`${at}: there is no such option`);
    else if (typeof there === "object") result[name] = completed(there, value, at, faults);
    else {
      const [min, max] = limits[name] ?? limitsInside[path] ?? [0, numberMax];
      if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
        faults.push(`${at}: expected a whole number ${min}…${max}, got ${String(value)}`);
      }
      result[name] = value;
    }
  }
  return result;
}
