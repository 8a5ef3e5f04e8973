import {
  answerBytes,
  createMemoryBus,
  decodeBatch,
  decodeEnvelope,
  encodeAnswers,
  MemoryBroker,
  noBytes,
} from "@hexhold/messaging";
import { afterEach, expect, it } from "vitest";
import { home, startTestEdge, type TestEdge } from "./edge.testing.ts";

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
