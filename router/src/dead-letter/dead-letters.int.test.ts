import { create, toBinary } from "@bufbuild/protobuf";
import { CommandDeadLetteredSchema } from "@hexhold/gen/hexhold/control/v1/dead_letter_pb";
import {
  createMemoryBus,
  encodeBatch,
  encodeEnvelope,
  MemoryBroker,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { createLogger } from "@hexhold/telemetry";
import { afterEach, expect, test } from "vitest";
import { asSuperuser, openTestCluster, type TestCluster } from "../../test/test-cluster.ts";
import { consumeDeadLetters } from "./dead-letters.ts";

const producer = { service: "worker", version: "1", instance: "worker-1" };
const logger = createLogger({ service: "router", instance: "test", level: "silent" });
const key = { hexId: 0x861f1d48fffffffn, layerId: 3 };
let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

function letter(eventId: Uint8Array, command: Uint8Array): Uint8Array {
  const payload = toBinary(
    CommandDeadLetteredSchema,
    create(CommandDeadLetteredSchema, {
      envelope: command,
      error: "boom\u0000",
      attempts: 5,
      slot: "cmd.p2",
      worker: "worker-1",
      atMs: 1_700_000_000_123n,
    }),
  );
  const type = "evt.worker.command-dead-lettered";
  return encodeEnvelope({ type, messageVersion: 1, eventId, producer, tsMs: 1, payload });
}

function batch(...envelopes: Uint8Array[]) {
  return { type: "batch.v1" as const, body: encodeBatch({ routeVersion: 1n, envelopes }) };
}

test("letters are stored once each, whatever comes again; what is no letter is let go", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue("cmd.router", 100);
  const bus = createMemoryBus(broker);
  cluster = await openTestCluster({}, { bus });
  const [requestId, accountId] = [uuidv7Bytes(), uuidv7Bytes()];
  const command = encodeEnvelope({
    type: "cmd.hex.gather",
    messageVersion: 2,
    key,
    requestId,
    accountId,
    eventId: uuidv7Bytes(),
    producer: { service: "gateway", version: "1", instance: "gateway-1" },
    tsMs: 1,
    payload: new Uint8Array(),
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  });
  const [first, second] = [uuidv7Bytes(1_000), uuidv7Bytes(2_000)];
  const unreadable = new Uint8Array([0xff, 0xff, 0xff]);
  expect(
    await bus.publish("cmd.router", batch(letter(first, command), letter(second, unreadable))),
  ).toBe("confirmed");
  expect(await bus.publish("cmd.router", batch(letter(first, command)))).toBe("confirmed");
  const other = { type: "evt.other", messageVersion: 1, eventId: uuidv7Bytes(), producer, tsMs: 1 };
  const notOurs = encodeEnvelope({ ...other, payload: new Uint8Array() });
  expect(await bus.publish("cmd.router", batch(notOurs))).toBe("confirmed");
  expect(await bus.publish("cmd.router", { type: "batch.v1", body: unreadable })).toBe("confirmed");

  const rows = await asSuperuser(
    cluster.database,
    `SELECT event_id, type, message_version, hex_id, layer_id, request_id, account_id, error, attempts,
       slot, worker, state, dead_at, traceparent FROM control.dead_letter ORDER BY event_id`,
  );
  expect(rows).toMatchObject([
    {
      event_id: uuidText(first),
      type: "cmd.hex.gather",
      message_version: 2,
      hex_id: String(key.hexId),
      layer_id: "3",
      request_id: uuidText(requestId),
      account_id: uuidText(accountId),
      error: "boom",
      attempts: 5,
      slot: "cmd.p2",
      worker: "worker-1",
      state: "waiting",
      dead_at: new Date(1_700_000_000_123),
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    },
    { event_id: uuidText(second), type: "", hex_id: null, account_id: null },
  ]);
});

test("while PostgreSQL is away letters are held, and stored when it is back", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue("cmd.router", 100);
  const bus = createMemoryBus(broker);
  let away = true;
  const stored: string[] = [];
  const store = {
    async saveDeadLetter({ eventId }: { readonly eventId: string }) {
      if (away) throw new Error("away");
      stored.push(eventId);
      return true;
    },
  };
  const letters = consumeDeadLetters(bus, store, () => undefined, logger);
  const eventId = uuidv7Bytes();
  const published = bus.publish("cmd.router", batch(letter(eventId, new Uint8Array())));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(broker.depths()).toMatchObject([{ name: "cmd.router", unacked: 1 }]);
  away = false;
  expect(await published).toBe("confirmed");
  expect(stored).toEqual([uuidText(eventId)]);
  await letters.stop();
});
