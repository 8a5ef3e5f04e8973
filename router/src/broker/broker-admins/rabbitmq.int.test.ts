import { freshVhost } from "@hexhold/testing";
import { createAmqpBus, declareTopology } from "@hexhold/messaging";
import { expect, test } from "vitest";
import type { QueueDepth } from "../broker-admin.ts";
import { createRabbitmqAdmin } from "./rabbitmq.ts";

async function openBroker() {
  const vhost = await freshVhost();
  const admin = createRabbitmqAdmin({ managementUrl: vhost.managementUrl, vhost: vhost.name });
  return { vhost, admin };
}

function depthsOfSlots(depths: readonly QueueDepth[]) {
  return depths
    .filter(({ name }) => name.startsWith("cmd.p"))
    .map(({ name, messagesReady }) => [name, messagesReady]);
}

test("queue depths of this virtual host, by name", async () => {
  const { vhost, admin } = await openBroker();
  await declareTopology(vhost.url, 8);
  const bus = createAmqpBus({ url: vhost.url, appId: "test/test-1" });
  await expect.poll(() => bus.state.mode, { timeout: 10_000 }).toBe("connected");
  const body = new Uint8Array([1]);
  expect(await bus.publish("cmd.p1", { type: "batch.v1", body })).toBe("confirmed");
  await expect
    .poll(async () => depthsOfSlots(await admin.queueDepths()), {
      timeout: 15_000,
      interval: 200,
    })
    .toEqual(Array.from({ length: 8 }, (_, n) => [`cmd.p${n}`, n === 1 ? 1 : 0]));
  await bus.close();
  await vhost.drop();
});

test("connections are closed by the name that the broker lists; one that is not there counts as closed", async () => {
  const { vhost, admin } = await openBroker();
  await declareTopology(vhost.url, 8);
  const bus = createAmqpBus({ url: vhost.url, appId: "test/test-1" });
  await expect.poll(() => bus.state.mode, { timeout: 10_000 }).toBe("connected");
  const names = bus.connectionNames();
  expect(names.length).toBeGreaterThan(0);
  let lost = false;
  bus.onState((state) => {
    if (state.mode === "disconnected") lost = true;
  });
  await admin.closeConnections(["nobody"], "test");
  await expect
    .poll(
      async () => {
        // A connection that is seconds old may not be listed yet.
        await admin.closeConnections(names, "test");
        return lost;
      },
      { timeout: 20_000, interval: 500 },
    )
    .toBe(true);
  await bus.close();
  await vhost.drop();
});

test("keeps one mark, the last one, and tells of none when there is none", async () => {
  const { vhost, admin } = await openBroker();
  await expect(admin.marks!.readMark()).rejects.toThrow(/404/);
  await declareTopology(vhost.url, 8);
  expect(await admin.marks!.readMark()).toBeUndefined();
  for (const number of [1, 2]) await admin.marks!.writeMark({ worldId: "w", number });
  await expect.poll(() => admin.marks!.readMark()).toEqual({ worldId: "w", number: 2 });
  expect((await admin.queueDepths()).map(({ name }) => name)).not.toContain("world.mark");
  for (let n = 0; n < 30; n++) {
    expect(await admin.marks!.readMark()).toEqual({ worldId: "w", number: 2 });
  }
  await vhost.drop();
});

test("a wrong password is told with what to check", async () => {
  const { vhost } = await openBroker();
  const url = new URL(vhost.managementUrl);
  url.password = "wrong";
  const admin = createRabbitmqAdmin({ managementUrl: url.href, vhost: vhost.name });
  await expect(admin.queueDepths()).rejects.toThrow(
    /refuses the password.*check rabbitmqManagementUrl/,
  );
  await vhost.drop();
});

test("tells of no alarm while there is none", async () => {
  const { vhost, admin } = await openBroker();
  expect(await admin.alarms!()).toEqual([]);
  await vhost.drop();
});
