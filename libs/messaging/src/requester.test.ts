import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { expect, test } from "vitest";
import type { Bus, Delivery, Inbox } from "./bus.ts";
import { createMemoryBus, MemoryBroker } from "./buses/memory.ts";
import { answerBytes, decodeBatch, encodeAnswers, encodeStoredAnswer } from "./codec.ts";
import { decodeEnvelope, encodeEnvelope } from "./envelope-codec.ts";
import { createProducerRoutes } from "./producer-routes.ts";
import { createRequester } from "./requester.ts";
import { uuidv7Bytes } from "./uuid.ts";

const producer = { service: "gateway", version: "1", instance: "g" };
const queue = "cmd.accounts";

function requestOf(timeoutMs: number) {
  const eventId = uuidv7Bytes();
  const fields = { type: "cmd.accounts.get-keys", messageVersion: 1, producer, tsMs: 1 };
  const envelope = encodeEnvelope({ ...fields, eventId, payload: new Uint8Array() });
  return { to: queue, envelope, eventId, timeoutMs };
}

/** Answers each command with its own payload's place in the order of arrival, the last one first. */
async function answerInReverse(bus: Bus, count: number): Promise<void> {
  const held: (() => void)[] = [];
  await bus.consume(queue, {
    prefetch: 16,
    onDelivery(delivery) {
      const nth = held.length;
      const { eventId } = decodeEnvelope(decodeBatch(delivery.body).envelopes[0]!);
      const stored = encodeStoredAnswer({
        hexVersion: 0,
        epoch: 0n,
        durability: Durability.READ,
        outcome: { case: "applied", result: new Uint8Array([nth]) },
      });
      held.push(() => {
        const answer = answerBytes({ eventId, requestId: eventId }, stored, false);
        bus.reply(delivery.replyTo!, { type: "answers.v1", body: encodeAnswers([answer]) });
        delivery.ack();
      });
      if (held.length === count) for (const say of held.toReversed()) say();
    },
  });
}

test("each request gets its own answer, whatever the order of answers", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue(queue, 10);
  const bus = createMemoryBus(broker);
  await answerInReverse(bus, 3);
  const requester = createRequester({ bus, name: "gw.test.requests" });
  const outcomes = await Promise.all([1, 2, 3].map(() => requester.request(requestOf(1000))));
  const results = outcomes.map((outcome) =>
    outcome.case === "answered" && outcome.answer.outcome.case === "applied"
      ? outcome.answer.outcome.value.result[0]
      : undefined,
  );
  expect(results).toEqual([0, 1, 2]);
});

test("what was not handed over is unsent, what was not answered is unknown", async () => {
  const broker = new MemoryBroker();
  const bus = createMemoryBus(broker);
  const requester = createRequester({ bus, name: "gw.test.requests", pendingMax: 2 });
  expect(await requester.request(requestOf(1000))).toEqual({ case: "unsent", why: "no-queue" });
  broker.declareQueue(queue, 10);
  const waiting = [requester.request(requestOf(20)), requester.request(requestOf(60_000))];
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await requester.request(requestOf(1000))).toEqual({ case: "unsent", why: "queue-full" });
  expect(await waiting[0]).toEqual({ case: "unknown" });
  requester.close();
  expect(await waiting[1]).toEqual({ case: "unknown" });
  await bus.close();
  expect(await requester.request(requestOf(1000))).toEqual({ case: "unsent", why: "bus-down" });
});

test("a reply queue that the broker has ended is opened anew, and one that cannot be read harms nobody", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue(queue, 10);
  const bus = createMemoryBus(broker);
  await answerInReverse(bus, 1);
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
  const requester = createRequester({ bus: watched, name: "gw.test.requests" });
  const unanswered = requester.request({ ...requestOf(50), to: "cmd.nowhere" });
  expect(await unanswered).toEqual({ case: "unsent", why: "no-queue" });
  bus.reply(opened[0]!.name, { type: "answers.v1", body: new Uint8Array([0xff]) });
  await opened[0]!.close();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await requester.request(requestOf(1000))).toMatchObject({ case: "answered" });
  expect(opened).toHaveLength(2);
  requester.close();
});

test("while the broker opens no reply queue, requests are bounded, end in time and are not sent later", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue(queue, 10);
  const bus = createMemoryBus(broker);
  let published = 0;
  const thawed = Promise.withResolvers<void>();
  const frozen: Bus = {
    ...bus,
    get state() {
      return bus.state;
    },
    async openInbox(options) {
      await thawed.promise;
      return bus.openInbox(options);
    },
    publish(to, message) {
      published++;
      return bus.publish(to, message);
    },
  };
  const requester = createRequester({ bus: frozen, name: "gw.test.requests", pendingMax: 2 });
  const waiting = [requester.request(requestOf(20)), requester.request(requestOf(60_000))];
  const unsent = { case: "unsent", why: "bus-down" };
  expect(await requester.request(requestOf(1000))).toEqual({ case: "unsent", why: "queue-full" });
  expect(await waiting[0]).toEqual(unsent);
  expect(published).toBe(0);
  thawed.resolve();
  await new Promise((resolve) => setTimeout(resolve, 5));
  // Only the one that still waits.
  expect(published).toBe(1);
  requester.close();
  expect(await waiting[1]).toEqual({ case: "unknown" });
});

test("a slot is chosen when the request is handed over, and its place ends with the broker's answer", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue("cmd.p1", 10);
  const bus = createMemoryBus(broker);
  const requester = createRequester({ bus, name: "gw.test.requests" });
  const routes = createProducerRoutes();
  const to = () => (routes.table === undefined ? undefined : routes.begin("cmd.p1"));
  const waiting = requester.request({ ...requestOf(1000), to });
  // The reply queue is being opened.
  expect(await waiting).toEqual({ case: "unsent", why: "no-route" });
  routes.update({ routeVersion: 7n, partitions: 8, pins: new Map(), stalled: new Set() });
  const asked = requester.request({ ...requestOf(50), to });
  const got = Promise.withResolvers<Delivery>();
  await bus.consume("cmd.p1", { prefetch: 1, onDelivery: got.resolve });
  const delivery = await got.promise;
  expect(decodeBatch(delivery.body).routeVersion).toBe(7n);
  routes.update({ routeVersion: 8n, partitions: 8, pins: new Map(), stalled: new Set() });
  expect(await asked).toEqual({ case: "unknown" });
  // In one process a confirm means that it was handled.
  expect(routes.acknowledged).toBe(7n);
  delivery.ack();
  await expect.poll(() => routes.acknowledged).toBe(8n);
});
