import { randomUUIDv7 } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { ControlService, ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { openConnection } from "@hexhold/postgres";
import { openChannel } from "@hexhold/rpc";
import { createLogger } from "@hexhold/telemetry";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  asSuperuser,
  controlToken,
  openTestDatabase,
  type TestDatabase,
} from "../../test/test-cluster.ts";
import { type RouterConfig, start } from "../index.ts";
import { type Campaign, startCampaign } from "./campaign.ts";
import { awaitLeadership, type Leadership } from "./leadership.ts";

const logger = createLogger({ service: "router", instance: "test", level: "silent" });
let database: TestDatabase;
let ends: (() => Promise<unknown>)[];
let over: AbortController;

beforeEach(async () => {
  database = await openTestDatabase();
  ends = [];
  over = new AbortController();
});
afterEach(async () => {
  over.abort();
  for (const end of ends.toReversed()) await end();
  await database.drop();
});

function stand(instance: string, silentMsMax = 10_000): Promise<Leadership | undefined> {
  const options = { postgresUrl: database.routerUrl, instance, silentMsMax, logger };
  const waiting = awaitLeadership(options, over.signal);
  ends.push(async () => (await waiting)?.release());
  return waiting;
}

function endSessions(instance: string): Promise<unknown> {
  return asSuperuser(
    database,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = 'router-lead:${instance}' AND datname = current_database()`,
  );
}

test("one leads, and when it lets go or dies the next does so within a second", async () => {
  const first = await stand("router-1");
  const order: string[] = [];
  const second = stand("router-2").then((leadership) => {
    order.push("router-2");
    return leadership;
  });
  await pause(600);
  expect(order).toEqual([]);
  const releasedMs = performance.now();
  await first?.release();
  const leadership = await second;
  expect(performance.now() - releasedMs).toBeLessThan(1000);
  // A killed process closes its connection; the lock ends with it.
  const third = stand("router-3");
  await pause(300);
  const killedMs = performance.now();
  await endSessions("router-2");
  const winner = await Promise.race([third.then(() => "router-3"), pause(5000, "nobody")]);
  expect(winner).toBe("router-3");
  expect(performance.now() - killedMs).toBeLessThan(1500);
  // The one that lost its connection has seen it by now.
  await expect(
    Promise.race([leadership?.lost, pause(3000, "still leads")]),
  ).resolves.toBeUndefined();
});

test("a leader whose connection breaks goes on leading when nobody else took over", async () => {
  const only = await stand("router-1");
  let lost = false;
  void only?.lost.then(() => (lost = true));
  await endSessions("router-1");
  await pause(1500);
  expect(lost).toBe(false);
  const rows = await asSuperuser<{ n: number }>(
    database,
    `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  expect(rows).toEqual([{ n: 1 }]);
});

test("a leader that is silent loses its lock, a lively one does not", async () => {
  const frozen = await openConnection(
    { url: database.routerUrl, applicationName: "router-lead:frozen" },
    () => undefined,
  );
  ends.push(() => frozen.end().catch(() => undefined));
  await frozen.query("SELECT pg_advisory_lock($1)", [0x4845_584c]);
  await frozen.query(
    "INSERT INTO control.router_leader (instance, backend_pid) VALUES ('frozen', pg_backend_pid())",
  );
  const next = stand("router-2", 1200);
  await expect(Promise.race([next.then(() => "leads"), pause(800, "waits")])).resolves.toBe(
    "waits",
  );
  await expect(Promise.race([next.then(() => "leads"), pause(3000, "waits")])).resolves.toBe(
    "leads",
  );
  const third = stand("router-3", 1500);
  // Longer than that: a leader that is heard every second keeps its lock.
  await expect(Promise.race([third.then(() => "leads"), pause(3000, "waits")])).resolves.toBe(
    "waits",
  );
});

test("a router that stands by says so, and leads with its admin port when the leader ends", async () => {
  const configOf = (instance: string): RouterConfig => ({
    instance,
    version: "test",
    host: "127.0.0.1",
    controlPort: 0,
    adminPort: 0,
    controlToken,
    adminToken: "the-admin-token-of-the-tests",
    leaseTtlMs: 1500,
    rebalanceDelayMs: 300,
    logLevel: "warn",
    postgresUrl: database.routerUrl,
    world: { partitions: 8, game: "reference", worldFormat: 1 },
  });
  const campaign = async (config: RouterConfig): Promise<Campaign> => {
    const running = await startCampaign(config, logger, () => start(config, { logger }));
    ends.push(() => running.stop());
    return running;
  };
  const first = await campaign(configOf("router-1"));
  const { port } = await freePort();
  const second = await campaign({ ...configOf("router-2"), controlPort: port });
  expect([first.leads, second.leads]).toEqual([true, false]);
  const channel = openChannel(`http://127.0.0.1:${port}`, { token: controlToken });
  ends.push(() => Promise.resolve(channel.close()));
  const refusal: unknown = await channel
    .client(ControlService)
    .register({
      instance: "worker-1",
      kind: ProcessKind.WORKER,
      controlUrl: "http://127.0.0.1:1",
      incarnation: randomUUIDv7(),
      version: "test",
    })
    .catch((error: unknown) => error);
  expect(ConnectError.from(refusal).code).toBe(Code.Unavailable);
  expect(String(refusal)).toContain("router-2 stands by");
  await first.stop();
  await vi.waitUntil(() => second.leads, { timeout: 3000, interval: 20 });
});

test("what keeps a router from leading is told by its start", async () => {
  await asSuperuser(
    database,
    "INSERT INTO control.world_setting (key, value) VALUES ('partitions', '16')",
  );
  const config = {
    instance: "router-1",
    version: "test",
    host: "127.0.0.1",
    controlPort: 0,
    adminPort: 0,
    controlToken,
    adminToken: "the-admin-token-of-the-tests",
    leaseTtlMs: 1500,
    rebalanceDelayMs: 300,
    logLevel: "warn",
    postgresUrl: database.routerUrl,
    world: { partitions: 8, game: "reference", worldFormat: 1 },
  } as const;
  await expect(startCampaign(config, logger, () => start(config, { logger }))).rejects.toThrow(
    /another world: partitions is 16, expected 8/,
  );
  await expect(
    startCampaign({ ...config, postgresUrl: "postgres://x@127.0.0.1:1/none" }, logger, () =>
      start(config, { logger }),
    ),
  ).rejects.toThrow(/ECONNREFUSED/);
});

async function freePort(): Promise<{ port: number }> {
  const { createServer } = await import("node:net");
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return { port };
}
