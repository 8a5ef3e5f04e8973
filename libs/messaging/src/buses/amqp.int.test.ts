import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type LocalStack, removeDataDir, startLocalStack } from "@hexhold/hexctl/local-stack";
import { connect } from "amqplib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeBus } from "../bus-contract.ts";
import type { Bus } from "../bus.ts";
import { slotQueue } from "../topology.ts";
import { createAmqpBus } from "./amqp.ts";
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
      await channel.bindQueue(spec.name, spec.exchange, spec.name);
      await model.close();
      return spec.name;
    },
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
