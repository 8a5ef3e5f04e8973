/** Every user, queue or exchange and verb on a real broker, against infra/rabbitmq/rights.yaml as a person reads it. */
import path from "node:path";
import { freshVhost } from "@hexhold/testing";
import { type Channel, type ChannelModel, connect } from "amqplib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { declareTopology } from "../buses/amqp-topology.ts";
import { createManagementApi } from "../buses/management-api.ts";
import { userOfService } from "../publisher.ts";
import { deadLetterExchange, producerExchanges, queuesOf, viewExchange } from "../topology.ts";
import { makeBrokerUsers } from "./make-users.ts";
import { readBrokerRights } from "./rights-table.ts";

const rights = readBrokerRights(path.resolve(import.meta.dirname, "../../../.."));
const services = Object.keys(rights);
const password = "a password for this test";
const suffix = `t${process.pid.toString(36)}`;
/** As one of its pins would be called. */
const hexQueue = "cmd.hex.861f1d48fffffff.0";
const words = ["gw", "svc", "tool", "other"];
const exchanges = [...producerExchanges, viewExchange, deadLetterExchange];
const routingKeys = [
  "accounts",
  "views-lost",
  "market.wood",
  "to.7",
  "chat.world",
  "chat.841f1d5ffffffff",
  "council.841f1d5ffffffff",
  "841f1d5ffffffff",
  "x841f1d5ffffffff",
];

let vhost: Awaited<ReturnType<typeof freshVhost>>;
let admin: ChannelModel;
let queues: readonly string[];

beforeAll(async () => {
  vhost = await freshVhost();
  await declareTopology(vhost.url, 8);
  await makeBrokerUsers({
    managementUrl: vhost.managementUrl,
    vhost: vhost.name,
    rights,
    passwordOf: () => password,
    suffix,
  });
  admin = await connect(vhost.url, { noDelay: true });
  const channel = await admin.createChannel();
  const inboxes = words.map((word) => `${word}.1.reply`);
  for (const name of [hexQueue, ...inboxes]) await channel.assertQueue(name);
  // Of those that are numbered the first and the last.
  const declared = queuesOf(8).map(({ name }) => name);
  queues = [...declared.filter((name) => !/[1-6]$/.test(name)), hexQueue, ...inboxes];
});

afterAll(async () => {
  await admin?.close();
  const request = createManagementApi(vhost.managementUrl);
  for (const service of services) {
    await request("DELETE", `/api/users/${userOfService(service, suffix)}`);
  }
  await vhost?.drop();
});

async function open(service: string): Promise<ChannelModel> {
  const url = new URL(vhost.url);
  url.username = userOfService(service, suffix);
  url.password = encodeURIComponent(password);
  const model = await connect(url.href, { noDelay: true });
  model.on("error", () => undefined);
  return model;
}

/** Whether the broker lets `act` be done; another refusal than that of a right is an error. */
async function isAllowed(
  model: ChannelModel,
  act: (channel: Channel) => unknown,
): Promise<boolean> {
  const channel = await model.createConfirmChannel();
  let refusal = "";
  channel.on("error", (error: Error) => (refusal = error.message));
  try {
    await act(channel);
    // Whatever was published is refused before its confirm.
    await channel.waitForConfirms();
  } catch (error) {
    refusal ||= (error as Error).message;
  }
  // A channel that the broker closes says why a little later than what was under way fails.
  if (refusal !== "") await new Promise((resolve) => setImmediate(resolve));
  await channel.close().catch(() => undefined);
  if (refusal === "") return true;
  expect(refusal).toMatch(/ACCESS.REFUSED/);
  return false;
}

const matches = (globs: readonly string[], name: string): boolean =>
  globs.some((glob) => {
    if (glob === "<region>") return /^84[0-9a-f]{13}$/.test(name);
    const [head = "", tail] = glob.split("*");
    return tail === undefined ? name === glob : name.startsWith(head) && name.endsWith(tail);
  });

test.each(services)("%s may do with queues what the table says", async (service) => {
  const { inbox, consume } = rights[service]!;
  const model = await open(service);
  const found: string[] = [];
  const expected: string[] = [];
  for (const queue of queues) {
    const own = inbox.some((word) => queue.startsWith(`${word}.`));
    if (own) expected.push(`declare ${queue}`, `delete ${queue}`);
    if (own || matches(consume, queue)) expected.push(`read ${queue}`);
    const acts = {
      declare: (channel: Channel) =>
        channel.assertQueue(queue, {
          arguments: queuesOf(8).find(({ name }) => name === queue)?.arguments,
        }),
      // Only if it is unused and empty, for those that the others need, too.
      delete: (channel: Channel) => (own ? channel.checkQueue(queue) : channel.deleteQueue(queue)),
      read: (channel: Channel) => channel.consume(queue, () => undefined),
      purge: (channel: Channel) => channel.purgeQueue(queue),
    };
    for (const [verb, act] of Object.entries(acts)) {
      if (await isAllowed(model, act)) found.push(`${verb} ${queue}`);
    }
    // Who may read what waits may throw it away.
    if (own || matches(consume, queue)) expected.push(`purge ${queue}`);
  }
  expect(found.toSorted()).toEqual(expected.toSorted());
  expect(found.length).toBeLessThan(queues.length * 4);
  await model.close();
});

test.each(services)("%s may do with exchanges what the table says", async (service) => {
  const { inbox, publish, reply, listen, tell } = rights[service]!;
  const model = await open(service);
  const found: string[] = [];
  const expected: string[] = [];
  const nobody = Buffer.from("for nobody");
  for (const exchange of exchanges) {
    if (publish.includes(exchange)) expected.push(`publish ${exchange}`);
    if (
      exchange !== viewExchange &&
      (await isAllowed(model, (c) => c.publish(exchange, "x", nobody)))
    ) {
      found.push(`publish ${exchange}`);
    }
    const type = { [viewExchange]: "topic", [deadLetterExchange]: "fanout" }[exchange] ?? "direct";
    if (await isAllowed(model, (c) => c.assertExchange(exchange, type))) {
      found.push(`declare ${exchange}`);
    }
    if (await isAllowed(model, (c) => c.deleteExchange(exchange))) found.push(`delete ${exchange}`);
    for (const queue of queues) {
      if (
        inbox.some((word) => queue.startsWith(`${word}.`)) &&
        exchange === viewExchange &&
        listen
      ) {
        expected.push(`bind ${queue} to ${exchange}`);
      }
      if (await isAllowed(model, (c) => c.bindQueue(queue, exchange, "x"))) {
        found.push(`bind ${queue} to ${exchange}`);
      }
    }
  }
  for (const key of routingKeys) {
    if (matches(tell, key)) expected.push(`tell ${key}`);
    if (await isAllowed(model, (c) => c.publish(viewExchange, key, nobody))) {
      found.push(`tell ${key}`);
    }
  }
  if (reply) expected.push("reply");
  if (await isAllowed(model, (c) => c.publish("", "nobody.1.reply", nobody))) found.push("reply");
  expect(found.toSorted()).toEqual(expected.toSorted());
  await model.close();
});

test.each(services)("what %s publishes names it, or the broker takes it not", async (service) => {
  const model = await open(service);
  const exchange = rights[service]!.publish[0]!;
  const named = (userId: string) => (channel: Channel) =>
    channel.publish(exchange, "nobody", Buffer.from("x"), { userId });
  expect(await isAllowed(model, named(userOfService(service, suffix)))).toBe(true);
  for (const other of services) {
    if (other === service) continue;
    const channel = await model.createConfirmChannel();
    const refused = new Promise<string>((resolve) =>
      channel.on("error", (error: Error) => resolve(error.message)),
    );
    channel.publish(exchange, "nobody", Buffer.from("x"), { userId: userOfService(other, suffix) });
    expect(await refused).toMatch(/PRECONDITION.FAILED.*user_id/);
  }
  await model.close();
});
