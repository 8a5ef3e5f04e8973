/**
 * Follows the bus through its connections: each gets queues of its own, is made known to the router, and
 * publishes only by a route table that was fetched under it.
 */
import { accountsTopic, type Bus, type Inbox } from "@hexhold/messaging";
import type { ClusterMembership } from "@hexhold/rpc";
import type { Logger } from "@hexhold/telemetry";
import type { Interest } from "../interest/interest.ts";
import type { Dispatcher } from "./dispatcher.ts";

export interface ConnectBusOptions {
  readonly instance: string;
  readonly bus: Bus;
  readonly membership: ClusterMembership;
  readonly dispatcher: Dispatcher;
  readonly interest: Interest;
  /** Announcements may have been missed until now. */
  readonly onReady: () => void;
  readonly logger: Logger;
}

/** View messages that may wait; the oldest are dropped, which observers notice by their numbers. */
const viewLengthMax = 10_000;
const retryMs = 200;

/** Returns its end. */
export function connectBus(options: ConnectBusOptions): () => void {
  const { bus, membership, dispatcher, interest, logger, instance } = options;
  let generation = 0;
  let ended = false;
  let unwatch: (() => void) | undefined;
  let views: Inbox | undefined;

  const detach = (): void => {
    unwatch?.();
    unwatch = undefined;
    dispatcher.disconnect();
    interest.disconnect();
  };
  const attach = async (of: number): Promise<void> => {
    const current = (): boolean => !ended && generation === of && bus.state.mode !== "disconnected";
    while (current()) {
      try {
        // A tag of its own for each try: the broker may not have ended the last one yet.
        const id = `${instance}.${of}.${Date.now().toString(36)}`;
        const replies = await dispatcher.connect(`gw.${id}.reply`);
        const opened = await bus.openInbox({
          name: `gw.${id}.view`,
          lengthMax: viewLengthMax,
          onMessage: (message) => interest.onViews(message.body),
        });
        views = opened;
        await membership.setAmqpConnections(bus.connectionNames());
        if (!current()) return;
        unwatch?.();
        unwatch = membership.watchRoutes((routes) => {
          if (current()) dispatcher.setRoutes(routes);
        });
        await Promise.all([interest.connect(opened), opened.bind(accountsTopic)]);
        options.onReady();
        void Promise.race([replies.closed, opened.closed]).then((why) => {
          if (!current() || views !== opened) return;
          logger.warn({ why }, "the broker has ended a queue of this gateway: others are opened");
          detach();
          void Promise.all([replies.close(), opened.close()]);
          void attach(of);
        });
        return;
      } catch (error) {
        logger.warn({ err: error }, "the bus is there, but not ready for this gateway yet");
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  };
  const follow = (): void => {
    const { state } = bus;
    if (state.mode === "disconnected") {
      generation = 0;
      detach();
    } else if (state.generation !== generation) {
      generation = state.generation;
      void attach(generation);
    }
  };
  const unlisten = bus.onState(follow);
  follow();
  return () => {
    ended = true;
    unlisten();
    unwatch?.();
    void views?.close();
  };
}
