/** The section `game.options` of the configuration. */
export interface FlowerOptions {
  /** From planting to bloom. */
  readonly bloomMs: number;
  /** Flowers in one hex. */
  readonly flowersMax: number;
  /** Players that live in one hex. */
  readonly playersMax: number;
}

export const defaultOptions: FlowerOptions = { bloomMs: 20_000, flowersMax: 12, playersMax: 32 };

/** Completes and checks what the configuration gives. Throws a RangeError that names every fault. */
export function checkOptions(given: unknown): FlowerOptions {
  const options = { ...defaultOptions, ...(given as Partial<FlowerOptions> | undefined) };
  const faults = Object.entries(options).flatMap(([name, value]) => {
    if (!(name in defaultOptions)) return [`game.options.${name}: there is no such option`];
    if (Number.isSafeInteger(value) && value > 0) return [];
    return [`game.options.${name}: expected a whole number above 0, got ${String(value)}`];
  });
  if (faults.length > 0) throw new RangeError(faults.join("\n"));
  return options;
}
