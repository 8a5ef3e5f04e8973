/**
 * Follows the bus through its connections: each gets queues of its own, is made known to the router, and
 * publishes only by a route table that was fetched under it.
 */
import { accountsTopic, type Bus, type Inbox, viewsLostTopic } from "@hexhold/messaging";
import { type ClusterMembership, createBackoff } from "@hexhold/rpc";
import type { Logger } from "@hexhold/telemetry";
import type { Interest } from "../interest/interest.ts";
import type { TopicInterest } from "../interest/topic-interest.ts";
import type { Dispatcher } from "./dispatcher.ts";

export interface ConnectBusOptions {
  readonly instance: string;
  readonly bus: Bus;
  readonly membership: ClusterMembership;
  readonly dispatcher: Dispatcher;
  readonly interest: Interest;
  readonly topics: TopicInterest;
  /** Announcements may have been missed until now. */
  readonly onReady: () => void;
  readonly logger: Logger;
}

/** View messages that may wait; the oldest are dropped, which observers notice by their numbers. */
const viewLengthMax = 10_000;
/** Pause after an attempt that failed; it grows with each in a row. */
const retryMs = { first: 200, most: 5000 };
/** The first failure in a row is logged, and one after so long. */
const warnEveryMs = 60_000;

/** Returns its end. */
export function connectBus(options: ConnectBusOptions): () => void {
  const { bus, membership, dispatcher, interest, topics, logger, instance } = options;
  let generation = 0;
  const ended = new AbortController();
  let unwatch: (() => void) | undefined;
  let views: Inbox | undefined;

  const detach = (): void => {
    unwatch?.();
    unwatch = undefined;
    dispatcher.disconnect();
    interest.disconnect();
    topics.disconnect();
  };
  /** Opens both queues and makes them known. Whatever it opened is closed when that fails, or is not wanted any more. */
  const attachOnce = async (of: number, current: () => boolean): Promise<void> => {
    const inboxes: Inbox[] = [];
    const close = (): void => void Promise.all(inboxes.map((inbox) => inbox.close()));
    try {
      // A tag of its own for each try: the broker may not have ended the last one yet.
      const id = `${instance}.${of}.${Date.now().toString(36)}`;
      const replies = await dispatcher.connect(`gw.${id}.reply`);
      inboxes.push(replies);
      const opened = await bus.openInbox({
        name: `gw.${id}.view`,
        lengthMax: viewLengthMax,
        onMessage({ type, body, publisher }) {
          if (type === "topic.v1") topics.onTopics(body);
          else interest.onViews(body, publisher);
        },
      });
      inboxes.push(opened);
      await membership.setAmqpConnections(bus.connectionNames());
      if (!current()) return close();
      views = opened;
      unwatch?.();
      unwatch = membership.watchRoutes((routes) => {
        if (current()) dispatcher.setRoutes(routes);
      });
      await Promise.all([
        interest.connect(opened),
        topics.connect(opened),
        opened.bind(accountsTopic),
        opened.bind(viewsLostTopic),
      ]);
      options.onReady();
      void Promise.race([replies.closed, opened.closed]).then((why) => {
        if (!current() || views !== opened) return;
        logger.warn({ why }, "the broker has ended a queue of this gateway: others are opened");
        detach();
        close();
        void attach(of);
      });
    } catch (error) {
      if (current()) detach();
      close();
      throw error;
    }
  };
  const attach = async (of: number): Promise<void> => {
    const current = (): boolean =>
      !ended.signal.aborted && generation === of && bus.state.mode !== "disconnected";
    const backoff = createBackoff(retryMs.first, retryMs.most);
    let warnedMs = -Infinity;
    for (let attempt = 1; current(); attempt++) {
      try {
        return await attachOnce(of, current);
      } catch (error) {
        const nowMs = performance.now();
        if (nowMs - warnedMs >= warnEveryMs) {
          warnedMs = nowMs;
          const text = "the bus is there, but not ready for this gateway yet";
          logger.warn({ err: error, attempt }, text);
        }
        await backoff.wait(ended.signal);
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
    ended.abort();
    unlisten();
    unwatch?.();
    void views?.close();
  };
}
