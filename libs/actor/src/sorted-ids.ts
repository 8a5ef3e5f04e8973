/** Lists sorted by 16-byte ids, as state messages keep them. */

/** An id as text: its hex digits. */
export function idText(id: Uint8Array): string {
  return [...id].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Order of two ids, byte by byte. */
export function compareIds(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Index of `id`, or where it would stand, as −1 − index. */
export function findById<T>(
  list: readonly T[],
  id: Uint8Array,
  idOf: (item: T) => Uint8Array,
): number {
  let low = 0;
  let high = list.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = compareIds(idOf(list[middle]!), id);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1 - low;
}

/** A copy of `list` in which `item` stands at its place, instead of one with the same id if there is one. */
export function withItem<T>(list: readonly T[], item: T, idOf: (item: T) => Uint8Array): T[] {
  const at = findById(list, idOf(item), idOf);
  return at >= 0 ? list.with(at, item) : list.toSpliced(-1 - at, 0, item);
}

/** A copy of `list` without the item of `id`. */
export function withoutId<T>(
  list: readonly T[],
  id: Uint8Array,
  idOf: (item: T) => Uint8Array,
): T[] {
  const at = findById(list, id, idOf);
  return at >= 0 ? list.toSpliced(at, 1) : [...list];
}
