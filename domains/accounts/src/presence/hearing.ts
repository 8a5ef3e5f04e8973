/**
 * Since when this process could have heard every gateway. Silence counts from there only: a service that was down, cut
 * off from broker or database, or frozen, has heard nobody, and nobody is gone because of that.
 */
import type { Bus } from "@hexhold/messaging";

export interface Hearing {
  /** Milliseconds; 0 while it hears nothing. */
  readonly forMs: number;
  /** Something has failed on the way from a gateway to the tables: it begins anew. */
  interrupted(): void;
  stop(): void;
}

const tickMs = 1000;
/** Between two ticks: then the process has stood still. */
const stillMs = 4000;

export function startHearing(
  bus: Pick<Bus, "state" | "onState">,
  now: () => number = () => performance.now(),
): Hearing {
  let sinceMs: number | undefined;
  let tickedMs = now();
  const interrupted = (): void => {
    sinceMs = bus.state.mode === "connected" ? now() : undefined;
  };
  const tick = (): void => {
    if (now() - tickedMs > stillMs) interrupted();
    tickedMs = now();
  };
  // Each change of state is a gap, also from one connection to the next.
  const unlisten = bus.onState(interrupted);
  const timer = setInterval(tick, tickMs);
  timer.unref();
  interrupted();
  return {
    get forMs() {
      // Whoever looks after a stand-still may do so before the timer.
      tick();
      return sinceMs === undefined ? 0 : now() - sinceMs;
    },
    interrupted,
    stop() {
      unlisten();
      clearInterval(timer);
    },
  };
}
