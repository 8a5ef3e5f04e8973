/** Who should serve which slot: pure, from what is known now. Called after every change. */

export interface PlacedSlot {
  readonly slot: string;
  /** Holder that serves it or is about to; undefined = it may be granted now. */
  readonly holder: string | undefined;
  /** Under way from one holder to the next: neither granted nor moved. */
  readonly moving: boolean;
  /** Who had it last: gets it back when that is as fair, as its caches are warm. */
  readonly lastHolder?: string | undefined;
}

export interface Placement {
  readonly grants: readonly { readonly slot: string; readonly holder: string }[];
  /** A slot that its holder should let go of, so that another gets it. At most one at a time. */
  readonly releases: readonly { readonly slot: string; readonly holder: string }[];
}

/**
 * Grants each free slot to the worker with the fewest. When `mayMove` and nothing is free or under way,
 * takes one slot from the worker with the most if that has at least two more than the one with the
 * fewest: a difference of one is fair, and moving for it would never end.
 * @param workers holders that may be granted slots: alive, their stream open. None: nothing happens.
 */
export function placeSlots(
  slots: readonly PlacedSlot[],
  workers: readonly string[],
  mayMove: boolean,
): Placement {
  const load = new Map(workers.toSorted().map((holder) => [holder, 0]));
  for (const { holder } of slots) {
    const count = holder === undefined ? undefined : load.get(holder);
    if (holder !== undefined && count !== undefined) load.set(holder, count + 1);
  }
  const grants: { slot: string; holder: string }[] = [];
  for (const { slot, holder, moving, lastHolder } of slots) {
    if (holder !== undefined || moving) continue;
    const least = Math.min(...load.values());
    const candidates = [...load].filter(([, count]) => count === least).map(([name]) => name);
    const chosen = candidates.find((name) => name === lastHolder) ?? candidates[0];
    if (chosen === undefined) break;
    grants.push({ slot, holder: chosen });
    load.set(chosen, least + 1);
  }
  const quiet = grants.length === 0 && slots.every(({ moving }) => !moving);
  if (!mayMove || !quiet || load.size < 2) return { grants, releases: [] };
  const ranked = [...load].toSorted(([, a], [, b]) => b - a);
  const [most, least] = [ranked[0], ranked.at(-1)];
  if (most === undefined || least === undefined || most[1] - least[1] < 2) {
    return { grants, releases: [] };
  }
  const moved = slots.findLast(({ holder }) => holder === most[0]);
  return { grants, releases: moved === undefined ? [] : [{ slot: moved.slot, holder: most[0] }] };
}
