/**
 * A slot that changes hands is without an owner for some hundred milliseconds; its commands wait in its queue.
 * Only when that lasts are producers told that nobody serves it, and refuse what is for it.
 */

export interface HealthGrace {
  report(slot: string, served: boolean): void;
  stop(): void;
}

/** Longer than a slot takes to change hands, also after a kill; far below the 5 s in which answers are due. */
export const healthGraceMs = 2000;

/** Passes on at once that a slot is served, and after `graceMs` that it is not. */
export function createHealthGrace(
  onHealth: (slot: string, served: boolean) => void,
  graceMs = healthGraceMs,
): HealthGrace {
  const told = new Map<string, boolean>();
  const waiting = new Map<string, NodeJS.Timeout>();

  function tell(slot: string, served: boolean): void {
    if (told.get(slot) === served) return;
    told.set(slot, served);
    onHealth(slot, served);
  }

  return {
    report(slot, served) {
      if (served) {
        clearTimeout(waiting.get(slot));
        waiting.delete(slot);
        tell(slot, true);
      } else if (told.get(slot) !== true) {
        tell(slot, false);
      } else if (!waiting.has(slot)) {
        const timer = setTimeout(() => {
          waiting.delete(slot);
          tell(slot, false);
        }, graceMs);
        timer.unref();
        waiting.set(slot, timer);
      }
    },
    stop() {
      for (const timer of waiting.values()) clearTimeout(timer);
      waiting.clear();
    },
  };
}
