import { randomUUIDv7 } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { ControlService, ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { openChannel } from "@hexhold/rpc";
import { createMetrics } from "@hexhold/telemetry";
import { afterEach, expect, test } from "vitest";
import {
  asSuperuser,
  controlToken,
  openTestCluster,
  queryAs,
  type TestCluster,
} from "../test/test-cluster.ts";
import { start } from "./index.ts";

let cluster: TestCluster;

afterEach(async () => {
  await cluster.stop();
});

test("a world that is there is compared, and every difference named, expected and found", async () => {
  cluster = await openTestCluster();
  await cluster.startRouter();
  const world = { partitions: 16, game: "other", worldFormat: 1 };
  await expect(cluster.startRouter({ world })).rejects.toThrow(
    /another world: partitions is 8, expected 16; game is reference, expected other/,
  );
  await asSuperuser(
    cluster.database,
    "UPDATE control.world_setting SET value = '7' WHERE key = 'resolution'",
  );
  await expect(cluster.startRouter()).rejects.toThrow("resolution is 7, expected 6");
});

test("a process that has loaded another game, or another major of it, is refused by name, before it is granted anything", async () => {
  cluster = await openTestCluster();
  const channel = openChannel(cluster.router.controlUrl, { token: controlToken });
  const register = (name: string, version: string) =>
    channel.client(ControlService).register({
      instance: "worker-1",
      incarnation: randomUUIDv7(),
      kind: ProcessKind.WORKER,
      controlUrl: "http://127.0.0.1:1",
      worldFormat: 1,
      game: { name, version },
    });
  await expect(register("flowers", "1.0.0")).rejects.toThrow(
    /failed_precondition.*of the game reference, and it has loaded flowers/,
  );
  const { world } = await register("reference", "1.4.2");
  await expect(register("reference", "2.0.0")).rejects.toThrow(
    /began with reference 1\.x, and it has loaded 2\.0\.0/,
  );
  expect((await register("reference", "1.9.0")).world).toEqual(world);
  channel.close();
  const named = await queryAs(
    cluster.database.routerUrl,
    "SELECT world_id, history_id FROM control.world",
  );
  expect(named).toEqual([{ world_id: world?.worldId, history_id: world?.historyId }]);
});

test("without a name in the configuration the first game that joins a new world is its game for ever", async () => {
  const world = { partitions: 8, worldFormat: 1 };
  cluster = await openTestCluster({ world });
  const channel = openChannel(cluster.router.controlUrl, { token: controlToken });
  const register = (name: string) =>
    channel.client(ControlService).register({
      instance: "worker-1",
      incarnation: randomUUIDv7(),
      kind: ProcessKind.WORKER,
      controlUrl: "http://127.0.0.1:1",
      worldFormat: 1,
      game: { name, version: "1.0.0" },
    });
  expect((await register("flowers")).settings?.game).toBe("flowers");
  await expect(register("reference")).rejects.toThrow(
    /of the game flowers, and it has loaded reference/,
  );
  channel.close();
  const other = { ...world, game: "reference" };
  await expect(cluster.startRouter({ world: other })).rejects.toThrow(
    /another world: game is flowers, expected reference/,
  );
  await expect(cluster.startRouter()).resolves.toBeDefined();
});

test("the world's format is not compared: what is stored is what is told", async () => {
  cluster = await openTestCluster();
  await asSuperuser(
    cluster.database,
    "UPDATE control.world_setting SET value = '3' WHERE key = 'world_format'",
  );
  await expect(cluster.startRouter()).resolves.toBeDefined();
});

test("without PostgreSQL, without its schema, with a newer one: it says what to do", async () => {
  cluster = await openTestCluster();
  const gone = { ...cluster.config, postgresUrl: "postgres://hexhold_router@127.0.0.1:1/none" };
  await expect(start(gone)).rejects.toThrow(/cannot use PostgreSQL .*check that it runs/);
  await asSuperuser(
    cluster.database,
    "INSERT INTO control.schema_migration (name, run_on) VALUES ('0999_later', now())",
  );
  await expect(cluster.startRouter()).rejects.toThrow(/start a newer version/);
  await asSuperuser(cluster.database, "DROP SCHEMA control CASCADE");
  await expect(cluster.startRouter()).rejects.toThrow("run hexctl migrate");
});

test("the role of the router may do what it needs and nothing else", async () => {
  cluster = await openTestCluster();
  const forbidden = [
    "DELETE FROM control.dead_letter",
    "UPDATE control.dead_letter SET error = ''",
    "UPDATE control.world_setting SET value = ''",
    "UPDATE control.world SET world_id = gen_random_uuid()",
    "DELETE FROM control.world_setting",
    "UPDATE control.route_counter SET version = 0",
    "SELECT * FROM world.journal",
    "SELECT * FROM world.slot",
    "SELECT world.take_slot('cmd.p0', 0, 'x')",
    "CREATE TABLE control.mine (id int)",
  ];
  for (const text of forbidden) {
    await expect(queryAs(cluster.database.routerUrl, text)).rejects.toThrow(/permission denied/);
  }
  const allowed = "SELECT control.next_route_version() AS version";
  expect(await queryAs(cluster.database.routerUrl, allowed)).toEqual([{ version: "2" }]);
});

test("a taken admin port is an error that says what to do, and never another port", async () => {
  const other = createServer();
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  await expect(openTestCluster({ adminPort: port })).rejects.toThrow(
    `port ${port} of 127.0.0.1 is taken`,
  );
  other.close();
});

test("metrics: what waits in the queues, and how long slots were not served after their worker died", async () => {
  const broker = {
    queueDepths: async () => [
      { name: "cmd.p1", messagesReady: 2, messagesUnacked: 3, consumers: 1 },
    ],
    closeConnections: async () => undefined,
  };
  const metrics = createMetrics({ processMetrics: false });
  cluster = await openTestCluster({}, { broker, metrics });
  const first = await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
  const before = await metrics.metricsText();
  expect(before).toContain('hexhold_queue_messages{queue="cmd.p1"} 5');
  expect(before).toContain("hexhold_slot_recovery_seconds_count 0");
  await first.signal("SIGKILL");
  await expect.poll(stalledSlots).toBe(8);
  await cluster.startWorker("worker-2");
  await cluster.allServed(["worker-2"]);
  expect(await metrics.metricsText()).toContain("hexhold_slot_recovery_seconds_count 8");
});

async function stalledSlots(): Promise<number> {
  const partitions = await cluster.partitions();
  return partitions.filter(({ health }) => health === "stalled").length;
}
