/** Follows the bus through its connections: spawns go by a route table that was fetched under the current one. */
import type { Bus, RouteTable } from "@hexhold/messaging";
import { type ClusterMembership, createBackoff } from "@hexhold/rpc";
import { isLoggedFailure, type Logger } from "@hexhold/telemetry";

export interface FollowedRoutes {
  /** Undefined while there is no connection, or no table of it yet. */
  readonly routes: () => RouteTable | undefined;
  stop(): void;
}

const retryMs = { first: 200, max: 2000 };

export function followRoutes(
  bus: Bus,
  membership: ClusterMembership,
  logger: Logger,
): FollowedRoutes {
  let generation = 0;
  let routes: RouteTable | undefined;
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
          if (current()) routes = table;
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
      routes = undefined;
    } else if (state.generation !== generation) {
      generation = state.generation;
      routes = undefined;
      void attach(generation);
    }
  };
  const unlisten = bus.onState(follow);
  follow();
  return {
    routes: () => routes,
    stop() {
      stopping.abort();
      unlisten();
      unwatch?.();
    },
  };
}
