import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { hexAt } from "@hexhold/hex";
import {
  type Bus,
  bytesText,
  domainQueueOf,
  gatheringLimits,
  type PublishOutcome,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { afterEach, expect, it } from "vitest";
import type { EdgeError } from "../admission/check-command.ts";
import { createGatewayMetrics } from "../gateway-metrics.ts";
import type { CommandTarget } from "./command-target.ts";
import { Dispatcher } from "./dispatcher.ts";

const key = { hexId: hexAt(52.5, 13.4), layerId: 0 };
let dispatcher: Dispatcher;

afterEach(async () => dispatcher.stop());

/** A dispatcher on a bus that does nothing but give `outcome` to every publish. */
async function dispatcherOn(outcome: PublishOutcome, queues: string[] = []): Promise<void> {
  const bus = {
    publish(queue: string) {
      queues.push(queue);
      return Promise.resolve(outcome);
    },
    openInbox: () => Promise.resolve({ name: "gw.test.reply", close: () => Promise.resolve() }),
  } as unknown as Bus;
  dispatcher = new Dispatcher({
    bus,
    logger: createLogger({ service: "gateway", instance: "test", level: "silent" }),
    metrics: createGatewayMetrics(createMetrics()),
  });
  await dispatcher.connect("gw.test.reply");
  dispatcher.setRoutes({ routeVersion: 1n, partitions: 8, pins: new Map(), stalled: new Set() });
}

/** Offers a command; what it was told at once, and later. */
function offer(target: CommandTarget = { key }): {
  atOnce: EdgeError | undefined;
  later: EdgeError[];
} {
  const id = uuidv7Bytes();
  const later: EdgeError[] = [];
  const atOnce = dispatcher.offer({
    envelope: new Uint8Array(10),
    orderKey: "account key",
    eventId: id,
    eventText: bytesText(id),
    requestId: id,
    target,
    acceptedMs: performance.now(),
    deadlineMs: performance.now() + 10_000,
    state: "waiting",
    answered: () => undefined,
    failed: (error) => later.push(error),
  });
  return { atOnce, later };
}

it("answers RESOURCE_EXHAUSTED queue-full when the queue refuses, to what gathered behind it too", async () => {
  await dispatcherOn("refused");
  const offered = [offer(), offer(), offer()];
  await expect.poll(() => offered.map(({ later }) => later.length)).toEqual([1, 1, 1]);
  for (const { atOnce, later } of offered) {
    expect(atOnce).toBeUndefined();
    expect(later[0]).toMatchObject({ code: ErrorCode.RESOURCE_EXHAUSTED, reason: "queue-full" });
  }
  expect(dispatcher.pendingCount).toBe(0);
});

it("answers UNAVAILABLE no-queue when a command comes back unroutable", async () => {
  await dispatcherOn("unroutable");
  const { later } = offer();
  await expect.poll(() => later).toHaveLength(1);
  expect(later[0]).toMatchObject({ code: ErrorCode.UNAVAILABLE, reason: "no-queue" });
});

it("answers RESOURCE_EXHAUSTED slot-full when more wait for a slot than may, and keeps those that wait", async () => {
  await dispatcherOn("confirmed");
  const first = offer();
  const waiting = Array.from({ length: gatheringLimits.gatheredMax }, offer);
  const tooMany = offer();
  expect(tooMany.atOnce).toMatchObject({
    code: ErrorCode.RESOURCE_EXHAUSTED,
    reason: "slot-full",
  });
  expect([first, ...waiting].filter(({ atOnce }) => atOnce !== undefined)).toEqual([]);
  expect(dispatcher.pendingCount).toBe(1 + gatheringLimits.gatheredMax);
});

it("sends a command for a domain service to the queue of its subject, whatever slots are stalled", async () => {
  const queues: string[] = [];
  await dispatcherOn("confirmed", queues);
  dispatcher.setRoutes({
    routeVersion: 2n,
    partitions: 8,
    pins: new Map(),
    stalled: new Set(Array.from({ length: 8 }, (_, n) => `cmd.p${n}`)),
  });
  const subject = "0190d8a0-0000-7000-8000-000000000001";
  expect(offer({ service: "inventory", subject }).atOnce).toBeUndefined();
  expect(offer({ service: "accounts", subject }).atOnce).toBeUndefined();
  expect(queues).toEqual([domainQueueOf("inventory", subject), "cmd.accounts"]);
  expect(offer().atOnce).toMatchObject({ reason: "slot-stalled" });
});

it("publishes by no route table of an earlier connection", async () => {
  const queues: string[] = [];
  await dispatcherOn("confirmed", queues);
  dispatcher.disconnect();
  await dispatcher.connect("gw.test.reply");
  expect(offer().atOnce).toMatchObject({ code: ErrorCode.UNAVAILABLE, reason: "bus-down" });
  expect(queues).toEqual([]);
  dispatcher.setRoutes({ routeVersion: 2n, partitions: 8, pins: new Map(), stalled: new Set() });
  expect(offer().atOnce).toBeUndefined();
  expect(queues).toHaveLength(1);
});
