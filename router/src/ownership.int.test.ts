import type { Client } from "@connectrpc/connect";
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { setTimeout as sleep } from "node:timers/promises";
import { randomUUIDv7 } from "node:crypto";
import { ControlService, ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { openPool } from "@hexhold/postgres";
import { openChannel } from "@hexhold/rpc";
import { freshRedis } from "@hexhold/testing";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import {
  asSuperuser,
  controlToken,
  openTestCluster,
  type TestCluster,
} from "../test/test-cluster.ts";
import { createRedisLeaseStore, type LeaseStore, LeaseStoreError } from "./index.ts";

let cluster: TestCluster;

afterEach(async () => {
  await cluster.stop();
});

const epochs = async () =>
  new Map((await cluster.partitions()).map(({ slot, epoch }) => [slot, epoch]));
const slotsOf = async (instance: string) =>
  (await cluster.partitions()).filter(({ owner }) => owner === instance).length;

test("one worker gets every partition of a new world, at once", async () => {
  cluster = await openTestCluster();
  await cluster.startWorker("worker-1");
  expect(await cluster.allServed(["worker-1"])).toBeLessThan(2_000);
  expect(new Set((await epochs()).values()).size).toBe(8);
});

test("kill -9 of the only worker: started again, it has everything within 2 s, with higher epochs", async () => {
  cluster = await openTestCluster({ leaseTtlMs: 10_000 });
  const first = await cluster.startWorker("worker-1");
  await cluster.allServed();
  const before = await epochs();
  await first.signal("SIGKILL");
  await cluster.startWorker("worker-1");
  expect(await cluster.allServed(["worker-1"])).toBeLessThan(2_000);
  for (const [slot, epoch] of await epochs()) expect(epoch).toBeGreaterThan(before.get(slot) ?? 0n);
});

test("kill -9 of one of two workers: the other has its slots within 2 s, though a lease lives 10 s", async () => {
  cluster = await openTestCluster({ leaseTtlMs: 10_000 });
  const first = await cluster.startWorker("worker-1");
  await cluster.startWorker("worker-2");
  await cluster.allServed();
  await first.signal("SIGKILL");
  expect(await cluster.allServed(["worker-2"])).toBeLessThan(2_000);
});

test("an epoch that was renewed since the last heartbeat is read again before its slot is granted", async () => {
  cluster = await openTestCluster({ leaseTtlMs: 10_000 });
  const first = await cluster.startWorker("worker-1");
  const second = await cluster.startWorker("worker-2");
  // One is enough: the next is moved only when two heartbeats, a third of a TTL apart, have spoken well of it.
  await expect.poll(() => slotsOf("worker-2"), { timeout: 10_000 }).toBeGreaterThan(0);
  await cluster.allServed();
  await asSuperuser(
    cluster.database,
    "UPDATE world.slot SET epoch = nextval('world.epoch') WHERE owner LIKE 'worker-1#%'",
  );
  await first.signal("SIGKILL");
  await cluster.allServed(["worker-2"], 2_000);
  expect(second.said.filter(({ event }) => event === "lost")).toEqual([]);
});

test("a database that has come back from an earlier moment is believed, not what was reported before", async () => {
  cluster = await openTestCluster({ leaseTtlMs: 10_000 });
  const first = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  await asSuperuser(cluster.database, "UPDATE world.slot SET epoch = epoch - 1000");
  // Its next heartbeats still name the later epochs.
  await sleep(1500);
  await first.signal("SIGKILL");
  await cluster.startWorker("worker-2");
  expect(await cluster.allServed(["worker-2"])).toBeLessThan(2_000);
});

test("a slot that a dying worker takes at the last moment is granted anew at once, not after the 5 s of a grant", async () => {
  cluster = await openTestCluster({ leaseTtlMs: 10_000 });
  const first = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  const second = await cluster.startWorker("worker-2");
  const pool = openPool({ url: cluster.database.adminUrl, applicationName: "test" }, 1);
  const last = await pool.connect();
  await last.query("BEGIN");
  await last.query(
    "UPDATE world.slot SET epoch = nextval('world.epoch'), owner = 'worker-1#late' WHERE slot = 'cmd.p7'",
  );
  await first.signal("SIGKILL");
  await expect
    .poll(() => second.said.filter(({ event }) => event === "took").length, { interval: 10 })
    .toBe(7);
  await last.query("COMMIT");
  expect(await cluster.allServed(["worker-2"])).toBeLessThan(2_000);
  expect(second.said.filter(({ event }) => event === "lost")).toHaveLength(1);
  last.release();
  await pool.end();
});

test("a worker that joins gets half, one slot after the other, each let go before it is taken", async () => {
  cluster = await openTestCluster();
  const first = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  const second = await cluster.startWorker("worker-2");
  await expect.poll(() => slotsOf("worker-2"), { timeout: 10_000 }).toBe(4);
  await cluster.allServed();
  expect(await slotsOf("worker-1")).toBe(4);
  expect(first.said.filter(({ event }) => event === "released")).toHaveLength(4);
  expect([...first.said, ...second.said].filter(({ event }) => event === "lost")).toEqual([]);
});

test("a worker that stops in good order hands over at once", async () => {
  cluster = await openTestCluster({ leaseTtlMs: 10_000 });
  const first = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  await cluster.startWorker("worker-2");
  await first.signal("SIGTERM");
  expect(await cluster.allServed(["worker-2"])).toBeLessThan(2_000);
});

test("a worker that stops with a grant that it has not taken: the slot goes elsewhere at once, not after the 5 s of a grant", async () => {
  cluster = await openTestCluster({ leaseTtlMs: 10_000 });
  // Takes nothing, and goes on with its other stream: it is not dead.
  const channel = openChannel(cluster.router.controlUrl, { token: controlToken });
  const client = channel.client(ControlService);
  const { session } = await client.register({
    instance: "worker-0",
    incarnation: randomUUIDv7(),
    kind: ProcessKind.WORKER,
    controlUrl: "http://127.0.0.1:9",
    version: "test",
    worldFormat: 1,
  });
  const [routes, assignments] = [new AbortController(), new AbortController()];
  void readAll(client.watchRoutes({ session }, routes), () => undefined);
  let granted = 0;
  void readAll(client.watchAssignments({ session }, assignments), () => granted++);
  await expect.poll(() => granted, { timeout: 2_000 }).toBe(8);
  await cluster.startWorker("worker-1");
  assignments.abort();
  expect(await cluster.allServed(["worker-1"])).toBeLessThan(2_000);
  routes.abort();
  channel.close();
});

test("a frozen worker loses its slots after one TTL, its broker connections first; thawed it is told to let go", async () => {
  const closed: string[] = [];
  const broker = {
    queueDepths: async () => [],
    closeConnections: async (names: readonly string[]) => void closed.push(...names),
  };
  cluster = await openTestCluster({}, { broker });
  const first = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  await cluster.startWorker("worker-2");
  await expect.poll(() => slotsOf("worker-2"), { timeout: 10_000 }).toBe(4);
  await cluster.allServed();
  const frozenMs = performance.now();
  await first.signal("SIGSTOP");
  await cluster.allServed(["worker-2"]);
  const tookMs = performance.now() - frozenMs;
  expect(tookMs).toBeGreaterThan(900);
  expect(tookMs).toBeLessThan(4_000);
  expect(closed).toContain("worker-1-consuming");
  await first.signal("SIGCONT");
  await expect
    .poll(() => first.said.filter(({ reason }) => reason === "fenced").length, { timeout: 5_000 })
    .toBe(4);
});

test("a router that restarts takes nothing over: the epochs stay, with leases in memory and in Redis", async () => {
  const { url, prefix } = await freshRedis();
  for (const redis of [undefined, { url, prefix }]) {
    cluster = await openTestCluster(redis === undefined ? {} : { redis });
    const worker = await cluster.startWorker("worker-1");
    await cluster.allServed(["worker-1"]);
    const before = await epochs();
    const port = Number(new URL(cluster.router.controlUrl).port);
    await cluster.router.stop();
    await cluster.startRouter({ controlPort: port });
    await cluster.allServed(["worker-1"], 1_000);
    await sleep(2 * cluster.config.leaseTtlMs);
    await cluster.allServed(["worker-1"], 1_000);
    expect(await epochs()).toEqual(before);
    expect(worker.said.filter(({ event }) => event === "took")).toHaveLength(8);
    await cluster.stop();
  }
});

test("a router that restarts while the owner is gone for good: its slots move after one TTL", async () => {
  cluster = await openTestCluster();
  const worker = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  await cluster.router.stop();
  await worker.signal("SIGKILL");
  const restartedMs = performance.now();
  await cluster.startRouter();
  await cluster.startWorker("worker-2");
  await cluster.allServed(["worker-2"]);
  expect(performance.now() - restartedMs).toBeGreaterThan(cluster.config.leaseTtlMs);
});

test("a router that restarts while the owner does: the new process has everything within 2 s", async () => {
  cluster = await openTestCluster({ leaseTtlMs: 10_000 });
  const worker = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  const before = await epochs();
  await cluster.router.stop();
  await worker.signal("SIGKILL");
  await cluster.startRouter();
  await cluster.startWorker("worker-1");
  const rise = async () =>
    [...(await epochs())].every(([slot, epoch]) => epoch > (before.get(slot) ?? 0n));
  await expect.poll(rise, { timeout: 2_000, interval: 10 }).toBe(true);
  await cluster.allServed(["worker-1"], 1_000);
});

test("a router that begins finds leases of an owner that has let go: they keep nobody waiting", async () => {
  const { url, prefix } = await freshRedis();
  cluster = await openTestCluster({ leaseTtlMs: 10_000, redis: { url, prefix } });
  const worker = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  await cluster.router.stop();
  await worker.signal("SIGTERM");
  await cluster.startRouter();
  await cluster.startWorker("worker-2");
  expect(await cluster.allServed(["worker-2"])).toBeLessThan(2_000);
});

test("Redis emptied: leases are made again for their owners, and nothing moves", async () => {
  const { url, prefix } = await freshRedis();
  cluster = await openTestCluster({ redis: { url, prefix } });
  const worker = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  const before = await epochs();
  const redis = new Redis(url);
  const keys = await redis.keys(`${prefix}lease:*`);
  expect(keys).toHaveLength(8);
  await redis.del(...keys);
  await expect.poll(() => redis.keys(`${prefix}lease:*`), { timeout: 3_000 }).toHaveLength(8);
  expect(await redis.get(`${prefix}lease:cmd.p3`)).toMatch(/^worker-1#/);
  redis.disconnect();
  await sleep(cluster.config.leaseTtlMs);
  expect(await epochs()).toEqual(before);
  expect(worker.said.filter(({ event }) => event === "took")).toHaveLength(8);
});

test("a lease store that is down: what is held goes on, nothing is taken over until it is back", async () => {
  const { url, prefix } = await freshRedis();
  let down = false;
  const store = downOnDemand(createRedisLeaseStore({ url, prefix }), () => down);
  cluster = await openTestCluster({}, { leaseStore: store });
  const first = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  const before = await epochs();
  down = true;
  await sleep(2 * cluster.config.leaseTtlMs);
  await cluster.allServed(["worker-1"], 100);
  expect(await epochs()).toEqual(before);
  await first.signal("SIGKILL");
  await cluster.startWorker("worker-2");
  await sleep(2 * cluster.config.leaseTtlMs);
  expect(await epochs()).toEqual(before);
  down = false;
  expect(await cluster.allServed(["worker-2"])).toBeLessThan(2_000);
});

test("a lease store that is down: no slot is asked back for a worker that joins, until it is back", async () => {
  const { url, prefix } = await freshRedis();
  let down = false;
  const store = downOnDemand(createRedisLeaseStore({ url, prefix }), () => down);
  cluster = await openTestCluster({}, { leaseStore: store });
  const first = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  down = true;
  // Known from the next renewal on.
  await sleep(cluster.config.leaseTtlMs);
  await cluster.startWorker("worker-2");
  await sleep(cluster.config.rebalanceDelayMs + 2 * cluster.config.leaseTtlMs);
  expect(first.said.filter(({ event }) => event === "released")).toEqual([]);
  await cluster.allServed(["worker-1"], 100);
  down = false;
  await expect.poll(() => slotsOf("worker-2"), { timeout: 10_000 }).toBe(4);
  await cluster.allServed();
});

test("a worker that does not read the world's format gets no slots", async () => {
  cluster = await openTestCluster({ world: { partitions: 8, game: "reference", worldFormat: 2 } });
  await cluster.startWorker("worker-1", { worldFormat: 1 });
  await sleep(500);
  expect(await slotsOf("worker-1")).toBe(0);
  await cluster.startWorker("worker-2", { worldFormat: 2 });
  await cluster.allServed(["worker-2"]);
});

test("the format is raised when every worker reads it, is stored, and lets old workers have no slot", async () => {
  cluster = await openTestCluster();
  await cluster.startWorker("worker-1", { worldFormat: 2 });
  const old = await cluster.startWorker("worker-2", { worldFormat: 1 });
  const admin = (): Client<typeof AdminService> => cluster.router.adminChannel.client(AdminService);
  await expect(admin().raiseWorldFormat({ format: 2 })).rejects.toThrow(
    "worker-2 (1) cannot read format 2",
  );
  await old.signal("SIGTERM");
  await expect
    .poll(() => admin().raiseWorldFormat({ format: 2 }).catch(String), { timeout: 10_000 })
    .toMatchObject({ before: 1 });
  await cluster.startWorker("worker-3", { worldFormat: 1 });
  await sleep(500);
  expect(await slotsOf("worker-3")).toBe(0);
  await cluster.router.stop();
  await cluster.startRouter();
  expect(await admin().getWorldFormat({})).toMatchObject({ format: 2 });
  await expect(admin().raiseWorldFormat({ format: 1 })).rejects.toThrow("never lowered");
});

async function readAll(stream: AsyncIterable<unknown>, onItem: () => void): Promise<void> {
  try {
    for await (const _item of stream) onItem();
  } catch {
    // It is broken off.
  }
}

function downOnDemand(store: LeaseStore, isDown: () => boolean): LeaseStore {
  const guard = <Result>(operation: () => Promise<Result>): Promise<Result> =>
    isDown() ? Promise.reject(new LeaseStoreError("test", new Error("down"))) : operation();
  return {
    take: (...values) => guard(() => store.take(...values)),
    renew: (...values) => guard(() => store.renew(...values)),
    release: (...values) => guard(() => store.release(...values)),
    read: (...values) => guard(() => store.read(...values)),
    close: () => store.close(),
  };
}
