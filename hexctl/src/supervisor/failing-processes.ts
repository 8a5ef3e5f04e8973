/** Which processes die by themselves again and again, and what they say of it. */
import type { SupervisorEvent } from "./supervisor.ts";

export interface FailingProcess {
  readonly name: string;
  /** How often it has died by itself without living on in between. */
  readonly deaths: number;
  /** A sentence, with what it printed last. */
  readonly reason: string;
}

export interface FailingProcesses {
  readonly see: (event: SupervisorEvent) => void;
  readonly list: () => readonly FailingProcess[];
  readonly stop: () => void;
}

/**
 * A process that lives for `stableMs` after its restart is failing no more.
 * @param onChange hears that the list is another one.
 */
export function trackFailing(onChange: () => void, stableMs = 10_000): FailingProcesses {
  const failing = new Map<string, FailingProcess>();
  const timers = new Map<string, NodeJS.Timeout>();
  return {
    see(event) {
      clearTimeout(timers.get(event.name));
      if (event.type === "died") {
        const deaths = (failing.get(event.name)?.deaths ?? 0) + 1;
        failing.set(event.name, { name: event.name, deaths, reason: event.reason });
      } else if (event.type === "stopped") {
        failing.delete(event.name);
      } else if (event.type === "restarted" && failing.has(event.name)) {
        const timer = setTimeout(() => {
          failing.delete(event.name);
          onChange();
        }, stableMs);
        timers.set(event.name, timer.unref());
      }
    },
    list: () => [...failing.values()],
    stop() {
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}
