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
      for (const [region, events] of views) {
        bus.publishView(region, { type: "view.v1", body: encodeViews({ events, marks: [] }) });
      }
    },
    publishMarks(hexes, nowMs) {
      const byRegion = new Map<string, ActiveHex[]>();
      for (const hex of hexes) {
        if (hex.changedMs === 0 || nowMs - hex.changedMs > digestMs) continue;
        const regional = byRegion.get(hex.region);
        if (regional === undefined) byRegion.set(hex.region, [hex]);
        else regional.push(hex);
      }
      for (const [region, marks] of byRegion) {
        bus.publishView(region, { type: "view.v1", body: encodeViews({ events: [], marks }) });
      }
    },
  };
}
