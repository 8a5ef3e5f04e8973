import { setTimeout as pause } from "node:timers/promises";
import { type BusState, createProducerRoutes, type RouteTable } from "@hexhold/messaging";
import { createLogger } from "@hexhold/telemetry";
import { expect, it } from "vitest";
import { followRoutes } from "./follow-routes.ts";

it("a router that does not know the connection is asked ever more rarely, with one line in the log", async () => {
  let log = "";
  const logger = createLogger({
    service: "accounts",
    instance: "test",
    level: "debug",
    destination: { write: (line: string) => void (log += line) },
  });
  let asked = 0;
  const bus = {
    state: { mode: "connected" as const, generation: 1 },
    connectionNames: () => ["c"],
    onState: () => () => undefined,
  };
  const membership = {
    setAmqpConnections: () => (asked++, Promise.reject(new Error("unknown"))),
    watchRoutes: () => () => undefined,
  };
  const stop = followRoutes(createProducerRoutes(), bus, membership, logger);
  await pause(1300);
  stop();
  // At 0, 200, 600 and 1,400 ms.
  expect(asked).toBeGreaterThan(1);
  expect(asked).toBeLessThanOrEqual(4);
  expect(log.split("\n").filter((line) => line.includes("does not know"))).toHaveLength(1);
});

it("a table is asked for once the connection is known, and is void with it", async () => {
  const logger = createLogger({ service: "accounts", instance: "test", level: "silent" });
  const tableOf = (routeVersion: bigint): RouteTable => ({
    routeVersion,
    partitions: 8,
    pins: new Map(),
    stalled: new Set(),
  });
  let state: BusState = { mode: "connected", generation: 1 };
  let changed = (): void => undefined;
  const bus = {
    get state() {
      return state;
    },
    connectionNames: () => [`c.${state.mode === "connected" ? state.generation : 0}`],
    onState: (listener: (state: BusState) => void) => {
      changed = () => listener(state);
      return () => undefined;
    },
  };
  const known: string[] = [];
  const watchers: ((table: RouteTable) => void)[] = [];
  const membership = {
    setAmqpConnections: (names: readonly string[]) => Promise.resolve(void known.push(...names)),
    watchRoutes(onRoutes: (table: RouteTable) => void) {
      expect(known).toHaveLength(watchers.length + 1);
      watchers.push(onRoutes);
      return () => undefined;
    },
  };
  const routes = createProducerRoutes();
  const stop = followRoutes(routes, bus, membership, logger);
  await expect.poll(() => watchers.length).toBe(1);
  watchers[0]!(tableOf(3n));
  expect(routes.table?.routeVersion).toBe(3n);
  state = { mode: "disconnected", reason: "test" };
  changed();
  expect(routes.table).toBeUndefined();
  // Of the connection that is gone.
  watchers[0]!(tableOf(4n));
  expect(routes.table).toBeUndefined();
  state = { mode: "connected", generation: 2 };
  changed();
  await expect.poll(() => watchers.length).toBe(2);
  watchers[0]!(tableOf(4n));
  expect(routes.table).toBeUndefined();
  watchers[1]!(tableOf(5n));
  expect(routes.table?.routeVersion).toBe(5n);
  expect(known).toEqual(["c.1", "c.2"]);
  stop();
});
