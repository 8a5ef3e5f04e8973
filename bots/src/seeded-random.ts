/** Numbers that look random and are the same for the same seed. */
export type Random = () => number;

/**
 * Makes a source of numbers in [0, 1): mulberry32, 32 bits of state, which is plenty for behaviour and nothing
 * for secrets. `seed` is taken modulo 2³².
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of a list, each as likely as another. The list is not empty. */
export function anyOf<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)]!;
}
