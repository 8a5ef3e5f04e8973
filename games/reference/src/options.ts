/** Numbers of the reference game; docs/formats.md, "Defaults of the reference game". */
export interface ReferenceOptions {
  /** T0: time in which a stock of a level-0 hex grows from empty to full. */
  readonly regrowthBaseMs: number;
  /** r, in thousandths: T(L) = T0 · r^L. */
  readonly regrowthFactorPerMille: number;
  /** What a full stock holds. */
  readonly stockCapacity: number;
  /** N_max(L) = base + perLevel · L residents. */
  readonly populationBase: number;
  readonly populationPerLevel: number;
  /** K(L) = base · factor^L experience for the next level; factor in thousandths. */
  readonly levelBase: number;
  readonly levelFactorPerMille: number;
  /** Time after which the destination of a transfer is asked for its answer; doubled each time, up to 5 min. */
  readonly transferQueryMs: number;
  /** How long a hex keeps its answers to transfers: longer than an outbox keeps its rows (72 h). */
  readonly transferAnswerKeepHours: number;
}

export const defaultOptions: ReferenceOptions = {
  regrowthBaseMs: 60_000,
  regrowthFactorPerMille: 1150,
  stockCapacity: 100,
  populationBase: 32,
  populationPerLevel: 8,
  levelBase: 100,
  levelFactorPerMille: 1500,
  transferQueryMs: 5000,
  transferAnswerKeepHours: 96,
};

/** Completes and checks what the configuration gives. Throws a RangeError that names every fault. */
export function checkOptions(given: unknown): ReferenceOptions {
  const faults: string[] = [];
  if (given !== undefined && (typeof given !== "object" || given === null)) {
    throw new RangeError("game.options: expected a mapping of names to numbers");
  }
  const options = { ...defaultOptions, ...given };
  for (const [name, value] of Object.entries(options)) {
    if (!(name in defaultOptions)) faults.push(`game.options.${name}: there is no such option`);
    else if (!Number.isSafeInteger(value) || value < 0) {
      faults.push(
        `game.options.${name}: expected a whole number of at least 0, got ${String(value)}`,
      );
    }
  }
  if (options.stockCapacity < 1) faults.push("game.options.stockCapacity: expected at least 1");
  if (options.regrowthBaseMs < 1) faults.push("game.options.regrowthBaseMs: expected at least 1");
  if (options.levelBase < 1) faults.push("game.options.levelBase: expected at least 1");
  if (options.transferQueryMs < 1) faults.push("game.options.transferQueryMs: expected at least 1");
  if (faults.length > 0) throw new RangeError(faults.join("\n"));
  return options;
}

/** N_max(L): how many players may live in a hex of that level. */
export function populationMax(level: number, options: ReferenceOptions): number {
  return options.populationBase + options.populationPerLevel * level;
}

/**
 * base · (factor/1000)^level in whole numbers, rounded down at each step: `**` on fractions may differ
 * between engines, and rules must not.
 */
export function grown(base: number, factorPerMille: number, level: number): number {
  let value = base;
  for (let i = 0; i < level; i++) {
    value = Math.floor((value * factorPerMille) / 1000);
    if (value > 1e12) return 1e12;
  }
  return value;
}
