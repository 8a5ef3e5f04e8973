import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
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
import type { DeadLetterRow } from "../control-store.ts";
import { consumeDeadLetters } from "./dead-letters.ts";

const producer = { service: "worker", version: "1", instance: "worker-1" };
const logger = createLogger({ service: "router", instance: "test", level: "silent" });
const type = "evt.worker.command-dead-lettered";
const key = { hexId: 0x861f1d48fffffffn, layerId: 3 };
let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

function letter(
  eventId: Uint8Array,
  command: Uint8Array,
  more: MessageInitShape<typeof CommandDeadLetteredSchema> = {},
): Uint8Array {
  const payload = toBinary(
    CommandDeadLetteredSchema,
    create(CommandDeadLetteredSchema, {
      envelope: command,
      error: "boom\u0000",
      attempts: 5,
      slot: "cmd.p2",
      worker: "worker-1",
      atMs: 1_700_000_000_123n,
      ...more,
    }),
  );
  return encodeEnvelope({ type, messageVersion: 1, eventId, producer, tsMs: 1, payload });
}

function unreadableLetter(): Uint8Array {
  const [eventId, payload] = [uuidv7Bytes(), new Uint8Array([0xff])];
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

test("whatever stands in a letter it is stored, and those beside it", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue("cmd.router", 100);
  const bus = createMemoryBus(broker);
  cluster = await openTestCluster({}, { bus });
  const ids = { requestId: uuidv7Bytes(), accountId: uuidv7Bytes(), eventId: uuidv7Bytes() };
  const command = encodeEnvelope({
    // Longer than an entry of an index can be, and incompressible.
    type: `cmd.\u0000.${Array.from({ length: 20_000 }, () => Math.random().toString(36)).join("")}`,
    messageVersion: 2 ** 32 - 1,
    key: { hexId: 2n ** 64n - 1n, layerId: 2 ** 32 - 1 },
    ...ids,
    producer: { service: "gateway", version: "1", instance: "gateway-1" },
    tsMs: 1,
    payload: new Uint8Array(),
    traceparent: "a\u0000b",
  });
  const nul = { slot: "cmd\u0000p2", worker: "worker\u0000" };
  const strange = letter(uuidv7Bytes(1_000), command, {
    ...nul,
    attempts: 2 ** 32 - 1,
    atMs: -(2n ** 63n),
  });
  const envelopes = [
    strange,
    letter(new Uint8Array(3), new Uint8Array(), { atMs: 2n ** 63n - 1n }),
    unreadableLetter(),
    letter(uuidv7Bytes(2_000), new Uint8Array()),
  ];
  expect(await bus.publish("cmd.router", batch(...envelopes))).toBe("confirmed");
  const rows = await asSuperuser(
    cluster.database,
    `SELECT left(type, 12) AS type, message_version, hex_id, layer_id, traceparent, slot, worker, attempts
     FROM control.dead_letter ORDER BY attempts DESC`,
  );
  expect(rows).toHaveLength(3);
  expect(rows[0]).toMatchObject({
    message_version: 2 ** 31 - 1,
    hex_id: null,
    layer_id: String(2 ** 32 - 1),
    traceparent: "ab",
    slot: "cmdp2",
    worker: "worker",
    attempts: 2 ** 31 - 1,
  });
});

/** As PostgreSQL refuses what a row holds. */
const refused = Object.assign(new Error("invalid byte sequence"), {
  code: "22021",
  severity: "ERROR",
});

test("a letter that is refused five times is stored without what was read from it", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue("cmd.router", 100);
  const bus = createMemoryBus(broker);
  const seen: DeadLetterRow[] = [];
  const store = {
    saveDeadLetter(row: DeadLetterRow) {
      seen.push(row);
      return row.slot === "" ? Promise.resolve(true) : Promise.reject(refused);
    },
  };
  const letters = consumeDeadLetters(bus, store, () => undefined, logger);
  const eventId = uuidv7Bytes();
  const command = new Uint8Array([1, 2, 3]);
  expect(await bus.publish("cmd.router", batch(letter(eventId, command)))).toBe("confirmed");
  expect(seen).toHaveLength(6);
  const last = seen.at(-1)!;
  expect(last).toMatchObject({ eventId: uuidText(eventId), type: "", hexId: undefined });
  expect(last.error).toMatch(/invalid byte sequence/);
  expect([...last.envelope]).toEqual([1, 2, 3]);
  await letters.stop();
});

test("a letter that is refused in whatever form is let go, and the intake goes on", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue("cmd.router", 100);
  const bus = createMemoryBus(broker);
  const bad = uuidv7Bytes();
  const stored: string[] = [];
  const store = {
    saveDeadLetter({ eventId }: DeadLetterRow) {
      if (eventId === uuidText(bad)) return Promise.reject(refused);
      stored.push(eventId);
      return Promise.resolve(true);
    },
  };
  const letters = consumeDeadLetters(bus, store, () => undefined, logger);
  const good = uuidv7Bytes();
  const both = batch(letter(bad, new Uint8Array()), letter(good, new Uint8Array()));
  expect(await bus.publish("cmd.router", both)).toBe("confirmed");
  expect(stored).toEqual([uuidText(good)]);
  await letters.stop();
});

test.each([
  ["a password that is no longer right", "28P01"],
  ["a statement that took too long", "57014"],
  ["a server that takes no writes", "25006"],
])("%s is no fault of a letter: it is held", async (_what, code) => {
  const broker = new MemoryBroker();
  broker.declareQueue("cmd.router", 100);
  const bus = createMemoryBus(broker);
  let tries = 0;
  const store = {
    saveDeadLetter: () =>
      ++tries > 2
        ? Promise.resolve(true)
        : Promise.reject(Object.assign(new Error("no"), { code, severity: "FATAL" })),
  };
  const letters = consumeDeadLetters(bus, store, () => undefined, logger);
  const published = bus.publish("cmd.router", batch(letter(uuidv7Bytes(), new Uint8Array())));
  expect(await published).toBe("confirmed");
  expect(tries).toBe(3);
  await letters.stop();
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
