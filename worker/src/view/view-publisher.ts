/** What observers see, sent straight after the commit: transient, unconfirmed, numbered. */
import { type Bus, encodeViews, type ViewEventFields } from "@hexhold/messaging";
import type { ActiveHex } from "../actor/hex-table.ts";

/**
 * Shortest time between two messages of events: a frame of 60 in a second. A message costs the broker by its
 * regions and the gateway by its arrival, more than by its events. After a rest an event leaves at once.
 */
const gatherMs = 16;
/** A changed hex is named in digests for so long, so that a lost last event is noticed. */
const digestMs = 10_000;

export interface ViewPublisher {
  /** Events by region. */
  publish(views: ReadonlyMap<string, readonly ViewEventFields[]>): void;
  /** Digest of the hexes that changed in the last 10 s; called every 2 s. */
  publishMarks(hexes: Iterable<ActiveHex>, nowMs: number): void;
}

export function createViewPublisher(bus: Pick<Bus, "publishView">): ViewPublisher {
  let regions = new Set<string>();
  let events: ViewEventFields[] = [];
  let departedMs = Number.NEGATIVE_INFINITY;
  // One message for all regions and slots of the worker: a message a region costs the broker more than all else.
  const depart = (): void => {
    if (events.length === 0) return;
    departedMs = performance.now();
    const message = { type: "view.v1", body: encodeViews({ events, marks: [] }) } as const;
    bus.publishView([...regions], message);
    regions = new Set();
    events = [];
  };
  return {
    publish(views) {
      if (views.size === 0) return;
      if (events.length === 0) {
        const waitMs = departedMs + gatherMs - performance.now();
        if (waitMs > 0) setTimeout(depart, waitMs);
        else setImmediate(depart);
      }
      for (const [region, regional] of views) {
        regions.add(region);
        events.push(...regional);
      }
    },
    publishMarks(hexes, nowMs) {
      depart();
      const marks = [...hexes].filter(
        (hex) => hex.changedMs !== 0 && nowMs - hex.changedMs <= digestMs,
      );
      if (marks.length === 0) return;
      const regions = [...new Set(marks.map((hex) => hex.region))];
      bus.publishView(regions, { type: "view.v1", body: encodeViews({ events: [], marks }) });
    },
  };
}
