import { setTimeout as pause } from "node:timers/promises";
import type { Bus } from "@hexhold/messaging";
import type { ClusterMembership } from "@hexhold/rpc";
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
    state: { mode: "connected", generation: 1 },
    connectionNames: () => ["c"],
    onState: () => () => undefined,
  } as unknown as Bus;
  const membership = {
    setAmqpConnections: () => (asked++, Promise.reject(new Error("unknown"))),
  } as unknown as ClusterMembership;
  const followed = followRoutes(bus, membership, logger);
  await pause(1300);
  followed.stop();
  // At 0, 200, 600 and 1,400 ms.
  expect(asked).toBeGreaterThan(1);
  expect(asked).toBeLessThanOrEqual(4);
  expect(log.split("\n").filter((line) => line.includes("does not know"))).toHaveLength(1);
});
