import { freshVhost, type FreshVhost, managementApi } from "@hexhold/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Bus } from "../bus.ts";
import { accountsAuthQueue, accountsQueue, deadLetterQueue } from "../topology.ts";
import { createAmqpBus } from "./amqp.ts";
import { declareTopology } from "./amqp-topology.ts";

let vhost: FreshVhost;
let bus: Bus;
beforeEach(async () => {
  vhost = await freshVhost();
  await declareTopology(vhost.url, 8);
  bus = createAmqpBus({ url: vhost.url, appId: "test/secret" });
  await vi.waitUntil(() => bus.state.mode === "connected", { timeout: 10_000 });
});
afterEach(async () => {
  await bus.close();
  await vhost.drop();
});

interface Found {
  readonly payload: string;
  readonly properties: { readonly delivery_mode: number };
}

/** What waits in a queue; it stays there. */
async function waitingIn(queue: string): Promise<readonly Found[]> {
  const url = `/api/queues/${vhost.name}/${queue}/get`;
  const body = { count: 10, ackmode: "ack_requeue_true", encoding: "auto" };
  return (await managementApi(vhost.managementUrl, "POST", url, body)) as Found[];
}

test("a message with secrets is not persistent, and is gone after 5 s without a dead letter", async () => {
  const message = (body: string) => ({ type: "batch.v1", body: Buffer.from(body) }) as const;
  expect(await bus.publish(accountsAuthQueue, { ...message("secret"), transient: true })).toBe(
    "confirmed",
  );
  expect(await bus.publish(accountsQueue, message("plain"))).toBe("confirmed");
  const [secret] = await waitingIn(accountsAuthQueue);
  expect([secret?.payload, secret?.properties.delivery_mode]).toEqual(["secret", 1]);
  const [plain] = await waitingIn(accountsQueue);
  expect([plain?.payload, plain?.properties.delivery_mode]).toEqual(["plain", 2]);
  await expect
    .poll(async () => (await waitingIn(accountsAuthQueue)).length, { timeout: 10_000 })
    .toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await waitingIn(deadLetterQueue)).toEqual([]);
  expect(await waitingIn(accountsQueue)).toHaveLength(1);
});
