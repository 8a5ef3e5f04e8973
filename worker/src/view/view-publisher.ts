/** What observers see, sent straight after the commit: transient, unconfirmed, numbered. */
import { type Bus, encodeViews, type ViewEventFields } from "@hexhold/messaging";
import type { ActiveHex } from "../actor/hex-table.ts";

/** A changed hex is named in digests for so long, so that a lost last event is noticed. */
const digestMs = 10_000;

export interface ViewPublisher {
  /** Events by region. */
  publish(views: ReadonlyMap<string, readonly ViewEventFields[]>): void;
  /** Digest of the hexes that changed in the last 10 s; called every 2 s. */
  publishMarks(hexes: Iterable<ActiveHex>, nowMs: number): void;
}

export function createViewPublisher(bus: Bus): ViewPublisher {
  return {
    publish(views) {
      if (views.size === 0) return;
      // One message for all regions of a commit: a message a region costs the broker more than all else.
      const events = [...views.values()].flat();
      bus.publishView([...views.keys()], {
        type: "view.v1",
        body: encodeViews({ events, marks: [] }),
      });
    },
    publishMarks(hexes, nowMs) {
      const marks = [...hexes].filter(
        (hex) => hex.changedMs !== 0 && nowMs - hex.changedMs <= digestMs,
      );
      if (marks.length === 0) return;
      const regions = [...new Set(marks.map((hex) => hex.region))];
      bus.publishView(regions, { type: "view.v1", body: encodeViews({ events: [], marks }) });
    },
  };
}
