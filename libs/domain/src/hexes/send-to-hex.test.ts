import { SpawnSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { keyText, parseKeyText } from "@hexhold/hex";
import {
  answerBytes,
  createMemoryBus,
  createProducerRoutes,
  createRequester,
  decodeBatch,
  decodeEnvelope,
  encodeAnswers,
  encodeStoredAnswer,
  MemoryBroker,
  type RouteTable,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { expect, test } from "vitest";
import { createSendToHex } from "./send-to-hex.ts";

const key = parseKeyText("86754e64fffffff");

function tableOf(routeVersion: bigint, moving?: boolean): RouteTable {
  const pins = new Map(
    moving === undefined ? [] : [[keyText(key), { slot: "cmd.hex.hot", moving }] as const],
  );
  return { routeVersion, partitions: 1, pins, stalled: new Set() };
}

test("a command goes to the slot of the newest table, and nowhere while its hex is moving", async () => {
  const broker = new MemoryBroker();
  const bus = createMemoryBus(broker);
  const got: [string, bigint, string][] = [];
  for (const queue of ["cmd.p0", "cmd.hex.hot"]) {
    broker.declareQueue(queue, 10);
    await bus.consume(queue, {
      prefetch: 1,
      onDelivery(delivery) {
        const batch = decodeBatch(delivery.body);
        const envelope = decodeEnvelope(batch.envelopes[0]!);
        got.push([queue, batch.routeVersion, uuidText(envelope.requestId)]);
        const stored = encodeStoredAnswer({
          hexVersion: 1,
          epoch: 1n,
          durability: Durability.DURABLE,
          outcome: { case: "applied", result: new Uint8Array(0) },
        });
        const answer = answerBytes(envelope, stored, false);
        bus.reply(delivery.replyTo!, { type: "answers.v1", body: encodeAnswers([answer]) });
        delivery.ack();
      },
    });
  }
  const routes = createProducerRoutes();
  const requester = createRequester({ bus, name: "svc.test.reply" });
  const send = createSendToHex({
    requester,
    routes,
    worldNow: Date.now,
    producer: { service: "accounts", version: "1", instance: "accounts-1" },
  });
  const requestId = uuidText(uuidv7Bytes());
  const spawn = () => send(SpawnSchema, { playerId: uuidv7Bytes() }, { key, requestId });
  expect(await spawn()).toBeUndefined();
  routes.update(tableOf(3n));
  expect(await spawn()).toMatchObject({ case: "applied" });
  routes.update(tableOf(4n, true));
  expect(await spawn()).toBeUndefined();
  routes.update(tableOf(5n, false));
  expect(await spawn()).toMatchObject({ case: "applied" });
  expect(got).toEqual([
    ["cmd.p0", 3n, requestId],
    ["cmd.hex.hot", 5n, requestId],
  ]);
  expect(routes.acknowledged).toBe(5n);
  requester.close();
});
