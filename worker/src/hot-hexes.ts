/** A hex and how busy it was. */
export interface HotHex {
  readonly keyText: string;
  readonly commandsPerSecond: number;
}

/** Which hexes are busiest. Exact up to `keysMax` hexes in an interval; of further ones nothing is known. */
export interface HotHexes {
  /** One command of a hex. On the path of every command: one look and one write in a map. */
  count(keyText: string): void;
  /** The busiest since the last call, at most `hexesMax`, busiest first; begins anew. */
  take(nowMs: number): readonly HotHex[];
}

/** Each of them is a label, so they are few. */
const hexesMax = 10;
/** About 5 MB. A hex that is busy comes early in an interval, and so is among them. */
const keysMax = 50_000;

/** @param nowMs of a clock that never goes back, as in `take`. */
export function createHotHexes(nowMs: number): HotHexes {
  let counts = new Map<string, number>();
  let sinceMs = nowMs;
  return {
    count(keyText) {
      const before = counts.get(keyText);
      if (before !== undefined) counts.set(keyText, before + 1);
      else if (counts.size < keysMax) counts.set(keyText, 1);
    },
    take(untilMs) {
      const seconds = (untilMs - sinceMs) / 1000;
      const busiest = seconds > 0 ? busiestOf(counts) : [];
      counts = new Map();
      sinceMs = untilMs;
      return busiest.map(([keyText, count]) => ({ keyText, commandsPerSecond: count / seconds }));
    },
  };
}

/** One pass: sorting all of them would hold up the commands of this worker. */
function busiestOf(counts: ReadonlyMap<string, number>): readonly [string, number][] {
  const busiest: [string, number][] = [];
  for (const [keyText, count] of counts) {
    if (busiest.length === hexesMax && count <= busiest.at(-1)![1]) continue;
    const place = busiest.findIndex(([, other]) => other < count);
    busiest.splice(place === -1 ? busiest.length : place, 0, [keyText, count]);
    if (busiest.length > hexesMax) busiest.pop();
  }
  return busiest;
}
