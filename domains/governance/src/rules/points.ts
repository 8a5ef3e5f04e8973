/** What contributions are worth as time goes by: points of one account in one hex. Pure. */

/** A day of world time, UTC, counted from 1970-01-01. */
export type Day = number;

const dayMs = 86_400_000n;

export function dayOf(ms: bigint): Day {
  return Number(ms / dayMs);
}

export interface Worth {
  /** Above 0. */
  readonly value: bigint;
  readonly day: Day;
}

/** Points as they stand on a day, that day's contributions included. */
export interface Points {
  readonly points: bigint;
  readonly day: Day;
}

/**
 * Points on `to` of what was `points` on `from`: each midnight `fadePerMille` of a thousand are left, rounded down. With 977
 * half are left after 30 days. Of a day that is over there is no way back: `to` is `from` or later.
 */
export function faded(points: bigint, from: Day, to: Day, fadePerMille: bigint): bigint {
  let left = points;
  for (let day = from; day < to && left > 0n; day++) {
    const next = (left * fadePerMille) / 1000n;
    // What fades no more stays so: nothing is left, or all of it.
    if (next === left) break;
    left = next;
  }
  return left;
}

/** Points on `day` by the journal alone, in whatever order it is given; contributions of later days do not count. */
export function pointsAt(journal: readonly Worth[], day: Day, fadePerMille: bigint): bigint {
  const known = journal.filter((worth) => worth.day <= day).toSorted((a, b) => a.day - b.day);
  const [first] = known;
  if (first === undefined) return 0n;
  let state: Points = { points: 0n, day: first.day };
  for (const worth of known) state = withWorth(state, worth, fadePerMille);
  return faded(state.points, state.day, day, fadePerMille);
}

/** Throws a RangeError for a contribution of an earlier day: its points would have faded otherwise, and are folded anew. */
export function withWorth({ points, day }: Points, worth: Worth, fadePerMille: bigint): Points {
  if (worth.day < day) throw new RangeError(`day ${worth.day} is over: points are of day ${day}`);
  return { points: faded(points, day, worth.day, fadePerMille) + worth.value, day: worth.day };
}
