import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type LocalStack, removeDataDir, startLocalStack } from "@hexhold/local-stack";
import { type ChannelModel, connect } from "amqplib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeBus } from "../bus-contract.ts";
import type { Bus } from "../bus.ts";
import { viewsLostTopic, slotQueue } from "../topology.ts";
import { createAmqpBus } from "./amqp.ts";
import { keepConnection } from "./amqp-connection.ts";
import { declareTopology } from "./amqp-topology.ts";

// A broker of its own: it is killed.
let stack: LocalStack;
const dataDir = mkdtempSync(path.join(tmpdir(), "hexhold-bus-"));

beforeAll(async () => {
  stack = await startLocalStack({ dataDir, services: ["rabbitmq"], install: false });
  await declareTopology(stack.service("rabbitmq").url, 8);
});
afterAll(async () => {
  await stack.kill();
  removeDataDir(dataDir);
});

async function connected(bus: Bus): Promise<Bus> {
  await expect.poll(() => bus.state.mode, { timeout: 10_000 }).toBe("connected");
  return bus;
}

let queues = 0;

describeBus("RabbitMQ", () => {
  const { url } = stack.service("rabbitmq");
  const open: Bus[] = [];
  return Promise.resolve({
    async connect() {
      const bus = createAmqpBus({ url, appId: `test/${open.length}` });
      open.push(bus);
      return connected(bus);
    },
    async queue(lengthMax = 1000) {
      const spec = slotQueue(`cmd.test.${queues++}`);
      const model = await connect(url);
      const channel = await model.createChannel();
      await channel.assertQueue(spec.name, {
        durable: true,
        arguments: { ...spec.arguments, "x-max-length": lengthMax },
      });
      await channel.bindQueue(spec.name, spec.exchanges[0]!, spec.name);
      await model.close();
      return spec.name;
    },
    serviceQueue: "cmd.router",
    kill: (bus) => bus.close(),
    async restartBroker() {
      await stack.service("rabbitmq").kill();
      await stack.service("rabbitmq").restart();
    },
    confirmMeans: "stored" as const,
    async end() {
      await Promise.all(open.map(async (bus) => bus.close()));
    },
  });
});

it("knows the names of both its connections when it says that it is connected", async () => {
  const bus = createAmqpBus({ url: stack.service("rabbitmq").url, appId: "test/named" });
  const names: string[] = [];
  bus.onState(({ mode }) => {
    if (mode === "connected") names.push(...bus.connectionNames());
  });
  await connected(bus);
  expect(names).toEqual(["test/named.consume.1", "test/named.publish.1"]);
  await bus.close();
});

it("tells a consumer whose queue the broker has removed, and closes its channel", async () => {
  const { url } = stack.service("rabbitmq");
  const bus = await connected(createAmqpBus({ url, appId: "test/cancelled" }));
  const model = await connect(url);
  const channel = await model.createChannel();
  await channel.assertQueue("cmd.removed", { durable: true });
  const subscription = await bus.consume("cmd.removed", {
    prefetch: 1,
    onDelivery: () => undefined,
  });
  await channel.deleteQueue("cmd.removed");
  expect(await subscription.closed).toMatch(/cancelled by the broker/);
  await model.close();
  await bus.close();
});

it("leaves no connection when it is closed while one is coming up", async () => {
  const up = Promise.withResolvers<ChannelModel>();
  const goOn = Promise.withResolvers<void>();
  const connection = keepConnection({
    url: stack.service("rabbitmq").url,
    name: "test/early",
    heartbeatS: 5,
    reconnectDelayMs: { first: 50, max: 1000 },
    async onUp(model) {
      up.resolve(model);
      await goOn.promise;
    },
    onDown: () => undefined,
    onBlocked: () => undefined,
  });
  const model = await up.promise;
  const ended = new Promise<string>((resolve) => model.once("close", () => resolve("closed")));
  await connection.close();
  goOn.resolve();
  const late = new Promise<string>((resolve) => setTimeout(resolve, 2000, "still open"));
  expect(await Promise.race([ended, late])).toBe("closed");
  expect(connection.name).toBeUndefined();
});

it("calls a wrong password that", async () => {
  const url = new URL(stack.service("rabbitmq").url);
  url.password = "hunter2";
  const bus = createAmqpBus({ url: url.href, appId: "test/wrong" });
  await expect
    .poll(() => (bus.state.mode === "disconnected" ? bus.state.reason : bus.state.mode), {
      timeout: 10_000,
    })
    .toMatch(/RabbitMQ refuses the password, or has no such user.*rabbitmqUrl/);
  expect(JSON.stringify(bus.state)).not.toContain("hunter2");
  await bus.close();
});

/** A port that passes on to the broker; while it is shut it reads nothing of what clients send. */
async function startValve(port: number) {
  const clients: Socket[] = [];
  const server = createServer((client) => {
    const broker = connectTcp(port, "127.0.0.1");
    const end = (): void => void [client, broker].map((socket) => socket.destroy());
    client.on("error", end).on("close", end);
    broker.on("error", end).on("close", end);
    client.on("data", (bytes) => broker.write(bytes));
    broker.on("data", (bytes) => client.write(bytes));
    clients.push(client);
  });
  server.on("error", () => undefined).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    shut: () => void clients.map((client) => client.pause()),
    open: () => void clients.map((client) => client.resume()),
    close: () => server.close(),
  };
}

it("drops views and then replies for a broker that does not read, and tells gateways when it is back", async () => {
  const url = new URL(stack.service("rabbitmq").url);
  const listening = await connected(createAmqpBus({ url: url.href, appId: "test/listening" }));
  const empty: number[] = [];
  const inbox = await listening.openInbox({
    name: "test.lost-views",
    lengthMax: 100,
    onMessage: ({ body }) => empty.push(body.length),
  });
  await inbox.bind(viewsLostTopic);
  const valve = await startValve(Number(url.port));
  url.port = String(valve.port);
  const bus = await connected(createAmqpBus({ url: url.href, appId: "test/shut" }));
  const dropped = { view: 0, reply: 0 };
  bus.onDrop((kind) => dropped[kind]++);
  const body = new Uint8Array(64 * 1024);
  const publish = async (count: number, send: () => void): Promise<void> => {
    for (let nth = 0; nth < count; nth++) {
      send();
      if (nth % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const view = (): void => bus.publishView(["nowhere"], { type: "view.v1", body });
  // Control: as much is taken while the broker reads.
  await publish(600, view);
  expect(dropped).toEqual({ view: 0, reply: 0 });
  valve.shut();
  await publish(600, view);
  expect(dropped.view).toBeGreaterThan(200);
  expect(dropped.reply).toBe(0);
  await publish(800, () => bus.reply("nobody", { type: "answers.v1", body }));
  expect(dropped.reply).toBeGreaterThan(200);
  expect(empty).toEqual([]);
  valve.open();
  await expect.poll(() => empty, { timeout: 5000 }).toEqual([0]);
  await bus.close();
  await listening.close();
  valve.close();
});
