import { freshVhost, type FreshVhost } from "@hexhold/testing";
import { type ChannelModel, connect, type ConsumeMessage } from "amqplib";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Bus } from "../bus.ts";
import { commandExchange, producerExchanges, queuesOf } from "../topology.ts";
import { createAmqpBus } from "./amqp.ts";
import { declareTopology } from "./amqp-topology.ts";

let vhost: FreshVhost;
let bus: Bus;
let model: ChannelModel;

beforeEach(async () => {
  vhost = await freshVhost();
  model = await connect(vhost.url);
  bus = createAmqpBus({ url: vhost.url, appId: "test/exchanges" });
});
afterEach(async () => {
  await bus.close();
  await model.close();
  await vhost.drop();
});

const connected = () => expect.poll(() => bus.state.mode, { timeout: 10_000 }).toBe("connected");
const batch = (body: string) => ({ type: "batch.v1" as const, body: Buffer.from(body) });

/** Where what comes to `queue` was published to. */
async function watch(queue: string): Promise<string[]> {
  const channel = await model.createChannel();
  const came: string[] = [];
  const onMessage = (message: ConsumeMessage | null): void => {
    came.push(`${message?.fields.exchange}: ${message?.content.toString()}`);
  };
  await channel.consume(queue, onMessage, { noAck: true });
  return came;
}

it("publishes to a service over its own exchange, and to slots over cmd.direct", async () => {
  await declareTopology(vhost.url, 2);
  await connected();
  const exchanges = {
    "cmd.inventory.3": "in.inventory",
    "cmd.router": "in.router",
    "cmd.accounts": "in.accounts",
    "cmd.accounts.auth": "in.accounts",
    "cmd.p1": "cmd.direct",
  };
  for (const [queue, exchange] of Object.entries(exchanges)) {
    const came = await watch(queue);
    expect(await bus.publish(queue, batch("now"))).toBe("confirmed");
    await expect.poll(() => came).toEqual([`${exchange}: now`]);
  }
});

it("has an exchange for the queues of every service, which leads to no other's", async () => {
  await declareTopology(vhost.url, 2);
  const channel = await model.createConfirmChannel();
  const ofServices = producerExchanges.filter((exchange) => exchange !== commandExchange);
  expect(ofServices).toContain("in.inventory");
  for (const { name } of queuesOf(2)) {
    const [, service] = /^cmd\.([a-z]+)(?:\.|$)/.exec(name) ?? [];
    if (service === undefined || service === "dlq") continue;
    const before = await channel.checkQueue(name);
    for (const exchange of ofServices) {
      channel.publish(exchange, name, Buffer.from("a"));
    }
    await channel.waitForConfirms();
    const after = await channel.checkQueue(name);
    expect([name, after.messageCount - before.messageCount]).toEqual([name, 1]);
  }
});

it("still takes for services what producers of the release before publish to cmd.direct", async () => {
  await declareTopology(vhost.url, 2);
  const came = await watch("cmd.inventory.3");
  const channel = await model.createConfirmChannel();
  channel.publish("cmd.direct", "cmd.inventory.3", Buffer.from("then"));
  await channel.waitForConfirms();
  await expect.poll(() => came).toEqual(["cmd.direct: then"]);
});

it("is not connected, and says why, before an exchange that it publishes to is there", async () => {
  const reason = () => (bus.state.mode === "disconnected" ? bus.state.reason : bus.state.mode);
  await expect
    .poll(reason, { timeout: 10_000, interval: 20 })
    .toMatch(/exchange cmd\.direct cannot be used: .*NOT.FOUND.*; run hexctl topology/);
  expect(await bus.publish("cmd.router", batch("a"))).toBe("unsent");
  // As a release leaves it that knows of no exchanges of services.
  const channel = await model.createChannel();
  await channel.assertExchange("cmd.direct", "direct", { durable: true });
  await expect
    .poll(reason, { timeout: 10_000, interval: 20 })
    .toMatch(/exchange in\.[a-z]+ cannot be used: .*; run hexctl topology/);
  await declareTopology(vhost.url, 2);
  await connected();
  expect(await bus.publish("cmd.router", batch("a"))).toBe("confirmed");
});
