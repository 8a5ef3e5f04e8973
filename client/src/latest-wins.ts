/**
 * Fire and forget, where only the newest counts: a position. Per lane one is on its way at most and one waits;
 * a newer one replaces the one that waits.
 */
import type { ClientStats } from "./stats.ts";

export interface LatestWins {
  /** Takes what is to be sent; `send` makes the command when its turn comes, and settles when it is answered. */
  offer(lane: string, send: () => Promise<unknown>): void;
  close(): void;
}

interface Lane {
  waiting: (() => Promise<unknown>) | undefined;
  isBusy: boolean;
}

/** `everyMs`: the least time between two sends of a lane. */
export function createLatestWins(everyMs: number, stats: ClientStats): LatestWins {
  const lanes = new Map<string, Lane>();
  let isClosed = false;

  const run = async (name: string, lane: Lane): Promise<void> => {
    lane.isBusy = true;
    for (let send = lane.waiting; send !== undefined && !isClosed; send = lane.waiting) {
      lane.waiting = undefined;
      const pause = new Promise<void>((resolve) => setTimeout(resolve, everyMs));
      await Promise.allSettled([send(), pause]);
    }
    lanes.delete(name);
  };

  return {
    offer(name, send) {
      if (isClosed) return;
      const lane = lanes.get(name) ?? { waiting: undefined, isBusy: false };
      lanes.set(name, lane);
      if (lane.waiting !== undefined) stats.coalesced++;
      lane.waiting = send;
      if (!lane.isBusy) void run(name, lane);
    },
    close() {
      isClosed = true;
      lanes.clear();
    },
  };
}
