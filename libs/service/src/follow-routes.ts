/**
 * Follows the bus through its connections for a producer that sends to hexes: each connection is made known to the router,
 * and then the table is asked for: it belongs to the connection under which it was fetched.
 */
import type { Bus, ProducerRoutes } from "@hexhold/messaging";
import { type ClusterMembership, createBackoff } from "@hexhold/rpc";
import { isLoggedFailure, type Logger } from "@hexhold/telemetry";

const retryMs = { first: 200, max: 2000 };

/** Keeps `routes` up to date; returns its end. */
export function followRoutes(
  routes: ProducerRoutes,
  bus: Pick<Bus, "state" | "onState" | "connectionNames">,
  membership: Pick<ClusterMembership, "setAmqpConnections" | "watchRoutes">,
  logger: Logger,
): () => void {
  let generation = 0;
  let unwatch: (() => void) | undefined;
  const stopping = new AbortController();

  const attach = async (of: number): Promise<void> => {
    const current = (): boolean => !stopping.signal.aborted && generation === of;
    const backoff = createBackoff(retryMs.first, retryMs.max);
    for (let failures = 0; current(); failures++) {
      try {
        await membership.setAmqpConnections(bus.connectionNames());
        if (!current()) return;
        unwatch?.();
        unwatch = membership.watchRoutes((table) => {
          if (current()) routes.update(table);
        });
        return;
      } catch (error) {
        if (isLoggedFailure(failures)) {
          logger.warn({ err: error }, "the router does not know this connection yet");
        }
        await backoff.wait(stopping.signal);
      }
    }
  };
  const follow = (): void => {
    const { state } = bus;
    if (state.mode === "disconnected") {
      generation = 0;
      routes.update(undefined);
    } else if (state.generation !== generation) {
      generation = state.generation;
      routes.update(undefined);
      void attach(generation);
    }
  };
  const unlisten = bus.onState(follow);
  follow();
  return () => {
    stopping.abort();
    unlisten();
    unwatch?.();
  };
}
