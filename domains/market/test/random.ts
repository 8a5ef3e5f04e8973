/** Numbers that a seed repeats (mulberry32). */
export interface Random {
  /** 0 to `below` − 1. */
  below(below: number): number;
  oneOf<T>(values: readonly T[]): T;
  /** In `perCent` of 100 cases. */
  chance(perCent: number): boolean;
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    oneOf: (values) => values[below(values.length)]!,
    chance: (perCent) => next() * 100 < perCent,
  };
}
