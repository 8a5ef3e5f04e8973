import { type Bus, createMemoryBus, type Inbox, MemoryBroker } from "@hexhold/messaging";
import type { ClusterMembership } from "@hexhold/rpc";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { expect, it } from "vitest";
import { createGatewayMetrics } from "../gateway-metrics.ts";
import { Interest } from "../interest/interest.ts";
import { connectBus } from "./connect-bus.ts";
import { Dispatcher } from "./dispatcher.ts";

const logger = createLogger({ service: "gateway", instance: "test", level: "silent" });

it.each([
  { what: "replies", nth: 0 },
  { what: "views", nth: 1 },
])("opens both queues anew when the broker ends the one for $what", async ({ nth }) => {
  const bus = createMemoryBus(new MemoryBroker());
  const opened: Inbox[] = [];
  const watched: Bus = {
    ...bus,
    get state() {
      return bus.state;
    },
    async openInbox(options) {
      const inbox = await bus.openInbox(options);
      opened.push(inbox);
      return inbox;
    },
  };
  const metrics = createGatewayMetrics(createMetrics());
  const dispatcher = new Dispatcher({ bus: watched, logger, metrics });
  const interest = new Interest({
    observe: () => Promise.resolve(undefined),
    view: { type: "", version: 0 },
    onAnnouncement: () => undefined,
    logger,
    metrics,
  });
  const routes = { routeVersion: 1n, partitions: 8, pins: new Map(), stalled: new Set<string>() };
  let ready = 0;
  const end = connectBus({
    instance: "g",
    bus: watched,
    membership: {
      setAmqpConnections: () => Promise.resolve(),
      watchRoutes(onRoutes: (table: typeof routes) => void) {
        onRoutes(routes);
        return () => undefined;
      },
    } as unknown as ClusterMembership,
    dispatcher,
    interest,
    onReady: () => ready++,
    logger,
  });
  await expect.poll(() => ready).toBe(1);
  await opened[nth]!.close();
  await expect.poll(() => ready).toBe(2);
  expect(opened).toHaveLength(4);
  expect(dispatcher.ready).toBe(true);
  // The one that was left is not left open.
  expect(await opened[1 - nth]!.closed).toBeTypeOf("string");
  end();
  interest.stop();
  await dispatcher.stop();
});
