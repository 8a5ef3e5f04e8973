import { type Bus, createMemoryBus, type Inbox, MemoryBroker } from "@hexhold/messaging";
import type { ClusterMembership } from "@hexhold/rpc";
import { createLogger, createMetrics, type Logger } from "@hexhold/telemetry";
import { expect, it } from "vitest";
import { createGatewayMetrics } from "../gateway-metrics.ts";
import { Interest } from "../interest/interest.ts";
import { TopicInterest } from "../interest/topic-interest.ts";
import { connectBus } from "./connect-bus.ts";
import { Dispatcher } from "./dispatcher.ts";

const logger = createLogger({ service: "gateway", instance: "test", level: "silent" });

interface Started {
  /** Inboxes that were opened, in their order. */
  readonly opened: Inbox[];
  readonly dispatcher: Dispatcher;
  readonly readyCount: () => number;
  readonly stop: () => Promise<void>;
}

/** A gateway's queues on a bus in memory. `announce` stands for the control plane, which is told of its connections. */
function startOn(announce: () => Promise<void>, log: Logger = logger): Started {
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
      setAmqpConnections: announce,
      watchRoutes(onRoutes: (table: typeof routes) => void) {
        onRoutes(routes);
        return () => undefined;
      },
    } as unknown as ClusterMembership,
    dispatcher,
    interest,
    topics: new TopicInterest({ logger, metrics }),
    onReady: () => ready++,
    logger: log,
  });
  return {
    opened,
    dispatcher,
    readyCount: () => ready,
    stop: async () => {
      end();
      interest.stop();
      await dispatcher.stop();
    },
  };
}

it.each([
  { what: "replies", nth: 0 },
  { what: "views", nth: 1 },
])("opens both queues anew when the broker ends the one for $what", async ({ nth }) => {
  const { opened, dispatcher, readyCount, stop } = startOn(() => Promise.resolve());
  await expect.poll(readyCount).toBe(1);
  await opened[nth]!.close();
  await expect.poll(readyCount).toBe(2);
  expect(opened).toHaveLength(4);
  expect(dispatcher.ready).toBe(true);
  // The one that was left is not left open.
  expect(await opened[1 - nth]!.closed).toBeTypeOf("string");
  await stop();
});

it("leaves no queue open by an attempt that fails, and tries again less and less often", async () => {
  const triedMs: number[] = [];
  const warnings: unknown[] = [];
  const log = { warn: (fields: unknown) => warnings.push(fields) } as unknown as Logger;
  const { opened, readyCount, stop } = startOn(() => {
    triedMs.push(performance.now());
    return triedMs.length < 4 ? Promise.reject(new Error("no router")) : Promise.resolve();
  }, log);
  const closed = new Set<Inbox>();
  await expect.poll(readyCount, { timeout: 4000 }).toBe(1);
  for (const inbox of opened) void inbox.closed.then(() => closed.add(inbox));
  await new Promise((resolve) => setImmediate(resolve));
  expect([opened.length, closed.size, closed.has(opened[6]!)]).toEqual([8, 6, false]);
  // 200, 400 and 800 ms.
  expect(triedMs[3]! - triedMs[0]!).toBeGreaterThan(1200);
  expect(warnings).toHaveLength(1);
  await stop();
});
