/**
 * Measures how long slots are not served: from the moment one stops being served until it is served again,
 * as the route table tells it. The first time that a slot is served is no recovery. One slot, one entry.
 * @param now milliseconds of a clock that never goes back.
 * @returns to be told each slot's health, whether it has changed or not.
 */
export function createRecoveryClock(
  now: () => number,
  onRecovered: (seconds: number) => void,
): (slot: string, served: boolean) => void {
  const servedSlots = new Set<string>();
  const lostMs = new Map<string, number>();
  return (slot, served) => {
    if (!served) {
      if (servedSlots.delete(slot)) lostMs.set(slot, now());
      return;
    }
    servedSlots.add(slot);
    const sinceMs = lostMs.get(slot);
    if (sinceMs === undefined) return;
    lostMs.delete(slot);
    onRecovered((now() - sinceMs) / 1000);
  };
}
