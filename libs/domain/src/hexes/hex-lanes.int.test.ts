/** Rows for hexes on a real broker and PostgreSQL: what each slot gets, and in which order. */
import { parseKeyText } from "@hexhold/hex";
import {
  createProducerRoutes,
  decodeBatch,
  decodeEnvelope,
  encodeEnvelope,
  type PublishOutcome,
  type RouteTable,
  routeOf,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { afterEach, expect, test } from "vitest";
import { gathered, openTestDomain, poison, type TestDomain } from "../../test/test-domain.ts";
import { createOutbox } from "../outbox.ts";

const producer = { service: "inventory", version: "1", instance: "inventory-1" };
const [hot, other] = ["86754e64fffffff", "86754e64fffffff.3"] as const;

function tableOf(routeVersion: bigint, pin?: { slot: string; moving: boolean }): RouteTable {
  const pins = new Map(pin === undefined ? [] : [[hot, pin] as const]);
  return { routeVersion, partitions: 8, pins, stalled: new Set() };
}
const home = routeOf(parseKeyText(hot), tableOf(1n));
const otherHome = routeOf(parseKeyText(other), tableOf(1n));

let domain: TestDomain | undefined;
afterEach(async () => domain?.close());

async function open(options: Parameters<typeof openTestDomain>[0]): Promise<TestDomain> {
  return (domain = await openTestDomain(options));
}

/** An envelope that is told from others by `text`. */
function envelopeOf(text: string): Uint8Array {
  return encodeEnvelope({
    type: "cmd.hex.end-take",
    messageVersion: 1,
    eventId: uuidv7Bytes(),
    producer,
    tsMs: 1,
    payload: Buffer.from(text),
  });
}

async function insert(subject: string, texts: readonly string[]): Promise<void> {
  const rows = texts.map(
    (text) => `('hex', '${subject}', '\\x${Buffer.from(envelopeOf(text)).toString("hex")}')`,
  );
  await domain!.query(
    `INSERT INTO inventory.outbox (destination, subject, envelope) VALUES ${rows.join(", ")}`,
  );
}

/** What comes to `slot`: version of the table and text of each, and batches that stay unacked. */
async function watch(slot: string): Promise<string[]> {
  const got: string[] = [];
  await domain!.bus.consume(slot, {
    prefetch: 1,
    onDelivery(delivery) {
      const { routeVersion, envelopes } = decodeBatch(delivery.body);
      for (const bytes of envelopes) {
        got.push(`${routeVersion} ${Buffer.from(decodeEnvelope(bytes).payload).toString()}`);
      }
      delivery.ack();
    },
  });
  return got;
}

const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => String(n + from));
const waiting = async () =>
  (
    await domain!.query<{ subject: string }>(
      "SELECT subject FROM inventory.outbox ORDER BY position",
    )
  ).map(({ subject }) => subject);
const sentToHexes = 'hexhold_domain_outbox_sent_total{service="inventory",destination="hex"}';
const heldUp = 'hexhold_domain_outbox_held_up_total{service="inventory",destination="hex"}';

test("rows of a hex come to its slot in order, under the version of the table, and are gone then", async () => {
  const routes = createProducerRoutes();
  routes.update(tableOf(7n));
  await open({ routes });
  const [ofHot, ofOther] = [await watch(home), await watch(otherHome)];
  await insert(hot, numbered(300));
  await insert(other, numbered(40, 1000));
  await insert(hot, numbered(50, 300));
  domain!.start();
  await expect.poll(() => ofHot.length, { timeout: 10_000 }).toBe(350);
  await expect.poll(() => ofOther.length).toBe(40);
  expect(ofHot).toEqual(numbered(350).map((text) => `7 ${text}`));
  expect(ofOther).toEqual(numbered(40, 1000).map((text) => `7 ${text}`));
  await expect.poll(waiting).toEqual([]);
  expect(await domain!.metric(sentToHexes)).toBe(390);
});

test("a hex that is moving gets nothing until it has arrived, then everything at its new slot; others go on", async () => {
  const routes = createProducerRoutes();
  routes.update(tableOf(7n));
  await open({ routes });
  const [ofHome, ofOther] = [await watch(home), await watch(otherHome)];
  const next = ["cmd.p0", "cmd.p1", "cmd.p2"].find((slot) => slot !== home && slot !== otherHome)!;
  const ofNext = await watch(next);
  domain!.start();
  await insert(hot, ["first"]);
  await expect.poll(() => ofHome).toEqual(["7 first"]);
  routes.update(tableOf(8n, { slot: next, moving: true }));
  await insert(hot, ["second", "third"]);
  await insert(other, ["a"]);
  await expect.poll(() => ofOther).toEqual(["8 a"]);
  // Two polls of the table.
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect([ofHome, ofNext]).toEqual([["7 first"], []]);
  expect(await waiting()).toEqual([hot, hot]);
  routes.update(tableOf(9n, { slot: next, moving: false }));
  await insert(hot, ["fourth"]);
  await expect.poll(() => ofNext).toEqual(["9 second", "9 third", "9 fourth"]);
  expect(ofHome).toEqual(["7 first"]);
  await expect.poll(waiting).toEqual([]);
  expect(await domain!.metric(heldUp)).toBe(0);
});

test("a version is acknowledged once the broker has confirmed what was sent by an older one", async () => {
  const routes = createProducerRoutes();
  routes.update(tableOf(7n));
  const confirm = Promise.withResolvers<void>();
  await open({
    routes,
    async onPublish(queue, publish) {
      const outcome = await publish();
      if (queue === home) await confirm.promise;
      return outcome;
    },
  });
  const ofHome = await watch(home);
  await insert(hot, ["first"]);
  domain!.start();
  await expect.poll(() => ofHome).toEqual(["7 first"]);
  routes.update(tableOf(8n, { slot: "cmd.hex.hot", moving: true }));
  expect(routes.acknowledged).toBe(7n);
  confirm.resolve();
  await expect.poll(() => routes.acknowledged).toBe(8n);
  await expect.poll(waiting).toEqual([]);
});

test.each<[string, (publish: () => Promise<PublishOutcome>) => Promise<PublishOutcome>]>([
  ["refuses everything", () => Promise.resolve("refused")],
  ["answers no publish", () => new Promise<PublishOutcome>(() => undefined)],
  ["is not there", (publish) => publish()],
])("a slot that %s holds up no other, however much waits for it", async (kind, answer) => {
  const routes = createProducerRoutes();
  const slot = "cmd.hex.hot";
  routes.update(tableOf(7n, { slot, moving: false }));
  await open({
    routes,
    onPublish: (queue, publish) => (queue === slot ? answer(publish) : publish()),
  });
  const ofOther = await watch(otherHome);
  // More than is read at once.
  await insert(hot, numbered(3_000));
  await insert(other, numbered(300));
  domain!.start();
  await expect.poll(() => ofOther.length, { timeout: 5_000 }).toBe(300);
  expect(ofOther).toEqual(numbered(300).map((text) => `7 ${text}`));
  await insert(other, ["late"]);
  await expect.poll(() => ofOther.at(-1), { timeout: 2_000 }).toBe("7 late");
  await expect.poll(async () => (await waiting()).length).toBe(3_000);
  if (kind !== "answers no publish") expect(await domain!.metric(heldUp)).toBeGreaterThan(0);
});

test("a kill between confirm and delete brings rows again, the same ones in the same order, before later ones", async () => {
  const routes = createProducerRoutes();
  routes.update(tableOf(7n));
  let isFirst = true;
  await open({
    routes,
    async onPublish(_queue, publish) {
      const outcome = await publish();
      if (isFirst) {
        isFirst = false;
        expect(outcome).toBe("confirmed");
        domain!.proxy.setAway(true);
      }
      return outcome;
    },
  });
  const ofHome = await watch(home);
  await insert(hot, ["a", "b"]);
  domain!.start();
  await expect.poll(() => ofHome).toEqual(["7 a", "7 b"]);
  await insert(hot, ["c"]);
  expect(await waiting()).toEqual([hot, hot, hot]);
  domain!.proxy.setAway(false);
  await expect.poll(() => ofHome.length, { timeout: 10_000 }).toBe(5);
  expect(ofHome).toEqual(["7 a", "7 b", "7 a", "7 b", "7 c"]);
  await expect.poll(waiting).toEqual([]);
});

test("a row that is committed late, with a position that was passed, is sent like any other", async () => {
  const routes = createProducerRoutes();
  routes.update(tableOf(7n));
  await open({ routes });
  const [ofHome, ofOther] = [await watch(home), await watch(otherHome)];
  domain!.start();
  const bytes = Buffer.from(envelopeOf("late")).toString("hex");
  const late = domain!.query(
    `BEGIN;
     INSERT INTO inventory.outbox (destination, subject, envelope) VALUES ('hex', '${hot}', '\\x${bytes}');
     SELECT pg_sleep(1);
     COMMIT`,
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  await insert(other, ["a", "b"]);
  await expect.poll(() => ofOther).toEqual(["7 a", "7 b"]);
  expect(ofHome).toEqual([]);
  await late;
  await expect.poll(() => ofHome).toEqual(["7 late"]);
});

test("without a table rows wait, and go with the first one", async () => {
  const routes = createProducerRoutes();
  await open({ routes });
  const ofHome = await watch(home);
  domain!.start();
  await insert(hot, ["a"]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect([ofHome, await waiting()]).toEqual([[], [hot]]);
  routes.update(tableOf(1n));
  await expect.poll(() => ofHome).toEqual(["1 a"]);
});

test("a row whose subject is no key is named in the log, and costs the others nothing", async () => {
  const routes = createProducerRoutes();
  routes.update(tableOf(7n));
  let log = "";
  await open({ routes, log: (line) => void (log += line) });
  const ofHome = await watch(home);
  await insert("nowhere", ["lost"]);
  await insert(hot, ["a"]);
  domain!.start();
  await expect.poll(() => ofHome).toEqual(["7 a"]);
  await expect
    .poll(() => log)
    .toMatch(/"level":"error".*a subject is no key.*an outbox lane is held up/);
  expect(await waiting()).toEqual(["nowhere"]);
});

test("a service that was started without routes refuses to owe a hex anything, and says so of a row that is there", async () => {
  let log = "";
  const outbox = createOutbox({ producer, descriptors: [], worldNow: Date.now });
  await open({
    outbox,
    log: (line) => void (log += line),
    beforeEvents: (amounts, transaction) =>
      amounts.includes(2n)
        ? outbox.send(transaction, [
            { destination: "hex", subject: hot, envelope: envelopeOf("a") },
          ])
        : Promise.resolve(),
  });
  await insert(hot, ["a"]);
  domain!.start();
  await expect.poll(() => log).toMatch(/"level":"error".*was started without routes/);
  await domain!.send(gathered(1n), gathered(2n));
  await domain!.untilAcked(1);
  expect(await domain!.amounts()).toEqual([1]);
  expect((await domain!.letters()).map(({ error }) => error)).toEqual([
    expect.stringMatching(/TypeError: inventory sends to hexes, and was started without routes/),
  ]);
  expect(await waiting()).toEqual([hot]);
});

test("what a handler owes to a hex is sent when it is committed, and not when it is rolled back", async () => {
  const routes = createProducerRoutes();
  routes.update(tableOf(7n));
  const outbox = createOutbox({ producer, descriptors: [], worldNow: Date.now });
  await open({
    routes,
    outbox,
    beforeEvents: (amounts, transaction) =>
      outbox.send(
        transaction,
        amounts.map((amount) => ({
          destination: "hex",
          subject: hot,
          envelope: envelopeOf(String(amount)),
        })),
      ),
  });
  const ofHome = await watch(home);
  domain!.start();
  await domain!.send(gathered(1n), gathered(2n), gathered(poison));
  await domain!.untilAcked(1);
  await domain!.send(gathered(3n));
  await expect.poll(() => ofHome).toEqual(["7 1", "7 2", "7 3"]);
});
