import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  SlotHealth,
  type WatchRoutesResponseSchema,
} from "@hexhold/gen/hexhold/control/v1/control_pb";
import { createPushStream, type PushStream } from "../push-stream.ts";

export type RouteUpdate = MessageInitShape<typeof WatchRoutesResponseSchema>;

/** Updates that wait for a producer; beyond it its stream is ended, and it fetches the table anew. */
const waitingMax = 1_024;

/** Which slots there are and which are served; pins come with hot hexes. */
export interface RouteTable {
  readonly routeVersion: bigint;
  readonly partitions: number;
  /** Pushes the change, if it is one, to everyone who watches. */
  setHealth(slot: string, served: boolean): void;
  isServed(slot: string): boolean;
  /** The whole table, then changes. The caller closes it. */
  watch(): PushStream<RouteUpdate>;
  unwatch(stream: PushStream<RouteUpdate>): void;
}

/**
 * @param routeVersion from PostgreSQL's counter; raised with every change of where a key goes, and by
 *   nothing else: a slot's health is pushed under the version that there is, and without PostgreSQL.
 */
export function createRouteTable(
  routeVersion: bigint,
  partitions: number,
  slots: readonly string[],
): RouteTable {
  const served = new Map(slots.map((slot) => [slot, false]));
  const watchers = new Set<PushStream<RouteUpdate>>();
  const healthOf = (slot: string) => ({
    slot,
    health: served.get(slot) === true ? SlotHealth.OK : SlotHealth.STALLED,
  });

  return {
    routeVersion,
    partitions,
    setHealth(slot, isServed) {
      if (served.get(slot) === isServed) return;
      served.set(slot, isServed);
      const update: RouteUpdate = { routeVersion, partitions, slots: [healthOf(slot)] };
      for (const watcher of watchers) if (!watcher.push(update)) watchers.delete(watcher);
    },
    isServed: (slot) => served.get(slot) === true,
    watch() {
      const stream = createPushStream<RouteUpdate>(
        waitingMax,
        () => new ConnectError("changes are read too slowly: open again", Code.ResourceExhausted),
      );
      stream.push({
        routeVersion,
        partitions,
        full: true,
        slots: [...served.keys()].map(healthOf),
      });
      watchers.add(stream);
      return stream;
    },
    unwatch(stream) {
      watchers.delete(stream);
      stream.close();
    },
  };
}
