/**
 * The route table of a producer, and its part when a key moves to another slot (docs/models/MoveKey.tla): it publishes by
 * the newest table that it has, publishes nothing for a key that is moving, and acknowledges a version of the table when
 * nothing that it published by an older one waits for its confirm.
 */
import type { RouteTable } from "./route.ts";

/** Queue of a slot, chosen by one version of the table. What takes it publishes within the same turn of the event loop. */
export interface Place {
  readonly queue: string;
  readonly routeVersion: bigint;
  /** The broker has answered, or was never asked. Idempotent. */
  end(): void;
}

export interface ProducerRoutes {
  /** Undefined: there is no connection to the broker, or no table that was fetched under it. */
  readonly table: RouteTable | undefined;
  /** A newer table of the same connection; undefined: the connection is gone, and the table void with it. */
  update(table: RouteTable | undefined): void;
  /** Counts a publish to the slot `queue`, until its `end`. Throws without a table. */
  begin(queue: string): Place;
  /** Version that is acknowledged to the router; 0 without a table. */
  readonly acknowledged: bigint;
  /** Calls `listener` after each update; returns its removal. */
  onChange(listener: () => void): () => void;
}

export function createProducerRoutes(): ProducerRoutes {
  let table: RouteTable | undefined;
  /** Publishes without an answer of the broker, by version. Of this connection: those of one that is gone are lost or kept. */
  let unanswered = new Map<bigint, number>();
  const listeners = new Set<() => void>();
  return {
    get table() {
      return table;
    },
    update(next) {
      table = next;
      if (next === undefined) unanswered = new Map();
      for (const listener of listeners) listener();
    },
    begin(queue) {
      if (table === undefined) throw new TypeError("nothing is published without a route table");
      const { routeVersion } = table;
      const counted = unanswered;
      counted.set(routeVersion, (counted.get(routeVersion) ?? 0) + 1);
      let isOver = false;
      return {
        queue,
        routeVersion,
        end() {
          if (isOver) return;
          isOver = true;
          const left = counted.get(routeVersion)! - 1;
          if (left === 0) counted.delete(routeVersion);
          else counted.set(routeVersion, left);
        },
      };
    },
    get acknowledged() {
      if (table === undefined) return 0n;
      return [...unanswered.keys()].reduce(
        (least, version) => (version < least ? version : least),
        table.routeVersion,
      );
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
