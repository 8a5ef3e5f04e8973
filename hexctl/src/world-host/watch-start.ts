/** While a cluster starts: a process that ends again and again will not come up, and it has said why. */
import type { SupervisorEvent } from "../supervisor/supervisor.ts";

export interface StartWatch {
  readonly see: (event: SupervisorEvent) => void;
  /** What `work` gives, unless a process keeps dying before: then it rejects with what that one printed. */
  readonly race: <T>(work: Promise<T>) => Promise<T>;
}

/** The first may be an accident: a killed process, a dependency that was a moment late. */
const deathsMax = 2;

export function watchStart(): StartWatch {
  const deaths = new Map<string, number>();
  const { promise, reject } = Promise.withResolvers<never>();
  // Nobody may be waiting any more.
  promise.catch(() => undefined);
  return {
    see(event) {
      if (event.type !== "died") return;
      const count = (deaths.get(event.name) ?? 0) + 1;
      deaths.set(event.name, count);
      if (count >= deathsMax) reject(new Error(event.reason));
    },
    race: (work) => Promise.race([work, promise]),
  };
}
