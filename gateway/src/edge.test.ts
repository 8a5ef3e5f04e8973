import { create } from "@bufbuild/protobuf";
import { SubscribeSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import {
  answerBytes,
  createMemoryBus,
  decodeBatch,
  decodeEnvelope,
  encodeAnswers,
  MemoryBroker,
  noBytes,
} from "@hexhold/messaging";
import { afterEach, expect, it, vi } from "vitest";
import { home, joinEdge, startTestEdge, type TestEdge } from "./edge.testing.ts";

let gateway: TestEdge;

afterEach(() => gateway.stop());

/** Field 11, a mark of one byte that is no field: what every answer is read for stands before it. */
const noMark = Uint8Array.of(11 * 8 + 2, 1, 0xff);

it("an answer to an observe that cannot be read counts as none, and the next one is heard", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue("cmd.p0", 10);
  gateway = await startTestEdge({ broker, instance: "gateway-1" });
  const { dispatcher, edge } = gateway;
  await dispatcher.connect("gateway-1.reply");
  dispatcher.setRoutes({ routeVersion: 1n, partitions: 1, pins: new Map(), stalled: new Set() });
  const worker = createMemoryBus(broker);
  const tails = [noMark, noBytes];
  await worker.consume("cmd.p0", {
    prefetch: 1,
    onDelivery(delivery) {
      const answers = decodeBatch(delivery.body).envelopes.map((bytes) => {
        const { eventId, requestId } = decodeEnvelope(bytes);
        return answerBytes({ eventId, requestId, key: home }, tails.shift()!, false);
      });
      worker.reply(delivery.replyTo!, { type: "answers.v1", body: encodeAnswers(answers) });
      delivery.ack();
    },
  });
  const [first, second] = await Promise.all([edge.observe(home), edge.observe(home)]);
  expect(first).toBeUndefined();
  expect(second?.key?.hexId).toBe(home.hexId);
  expect(tails).toEqual([]);
  await worker.close();
});

it("a state names its view, so that a client with another game's fold can tell", async () => {
  gateway = await startTestEdge({ broker: new MemoryBroker(), instance: "gateway-1" });
  const peer = await joinEdge(gateway.url, "01a205e9-4066-75d4-a65b-335845c5b511");
  peer.send({ case: "subscribe", value: create(SubscribeSchema, { keys: [home] }) });
  await vi.waitFor(() => expect(peer.frames.at(-1)?.case).toBe("state"));
  expect(peer.frames.at(-1)?.value).toMatchObject({
    viewType: "hexhold.hex.v1.ReadableView",
    viewVersion: 1,
  });
  peer.socket.terminate();
});
