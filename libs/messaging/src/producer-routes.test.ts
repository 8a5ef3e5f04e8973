import { expect, test } from "vitest";
import { createProducerRoutes } from "./producer-routes.ts";
import type { RouteTable } from "./route.ts";

const tableOf = (routeVersion: bigint): RouteTable => ({
  routeVersion,
  partitions: 8,
  pins: new Map(),
  stalled: new Set(),
});

test("a version is acknowledged when nothing that was published by an older one waits", () => {
  const routes = createProducerRoutes();
  expect(routes.acknowledged).toBe(0n);
  routes.update(tableOf(3n));
  const [first, second] = [routes.begin("cmd.p1"), routes.begin("cmd.p2")];
  expect([first.queue, first.routeVersion]).toEqual(["cmd.p1", 3n]);
  expect(routes.acknowledged).toBe(3n);
  routes.update(tableOf(5n));
  const third = routes.begin("cmd.p1");
  expect(routes.acknowledged).toBe(3n);
  first.end();
  // A second end of the same publish is none of the other's.
  first.end();
  expect(routes.acknowledged).toBe(3n);
  second.end();
  expect(routes.acknowledged).toBe(5n);
  third.end();
  expect(routes.acknowledged).toBe(5n);
});

test("a table ends with its connection, and what was published over that is waited for no more", () => {
  const routes = createProducerRoutes();
  let changes = 0;
  const unlisten = routes.onChange(() => changes++);
  expect(() => routes.begin("cmd.p1")).toThrow(/without a route table/);
  routes.update(tableOf(3n));
  const lost = routes.begin("cmd.p1");
  routes.update(undefined);
  expect([routes.table, routes.acknowledged]).toEqual([undefined, 0n]);
  routes.update(tableOf(4n));
  const own = routes.begin("cmd.p1");
  routes.update(tableOf(5n));
  lost.end();
  expect(routes.acknowledged).toBe(4n);
  own.end();
  expect(routes.acknowledged).toBe(5n);
  expect(changes).toBe(4);
  unlisten();
  routes.update(undefined);
  expect(changes).toBe(4);
});
