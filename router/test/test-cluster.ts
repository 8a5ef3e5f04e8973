/** A router on real services with workers that may be killed, for the integration tests of this package. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { AdminService, type Partition } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { migrate, openPool } from "@hexhold/postgres";
import { createLogger } from "@hexhold/telemetry";
import { freshDatabase } from "@hexhold/testing";
import { vi } from "vitest";
import { type Router, type RouterConfig, type RouterPorts, start } from "../src/index.ts";
import type { SimulatedWorkerOptions } from "./simulated-worker.ts";

const migrations = path.resolve(import.meta.dirname, "../../infra/pg_migrations");
export const controlToken = "the-control-token-of-the-tests";
export const adminToken = "the-admin-token-of-the-tests";

export interface TestDatabase {
  readonly routerUrl: string;
  readonly workerUrl: string;
  /** Superuser: what a service may not do. */
  readonly adminUrl: string;
  drop(): Promise<void>;
}

let template: Promise<string> | undefined;

/** Migrated once per test file; each test gets a copy. */
async function migratedTemplate(): Promise<string> {
  const { name, url } = await freshDatabase();
  for (let tries = 1; ; tries++) {
    try {
      await migrate({
        adminUrl: url,
        directory: migrations,
        // Roles belong to the server, which other test files share: one password for all of them.
        passwordOf: () => decodeURIComponent(new URL(url).password),
      });
      return name;
    } catch (error) {
      // "tuple concurrently updated": another test file alters the same role.
      if ((error as { code?: string }).code !== "XX000" || tries === 10) throw error;
    }
  }
}

/** A database with the schemas of the product, and URLs of its roles. */
export async function openTestDatabase(): Promise<TestDatabase> {
  template ??= migratedTemplate();
  const database = await freshDatabase({ template: await template });
  const urlOf = (role: string): string => {
    const url = new URL(database.url);
    url.username = role;
    return url.href;
  };
  return {
    routerUrl: urlOf("hexhold_router"),
    workerUrl: urlOf("hexhold_worker"),
    adminUrl: database.url,
    drop: () => database.drop(),
  };
}

export interface SaidEvent {
  readonly event: "ready" | "took" | "lost" | "released";
  readonly slot?: string;
  readonly reason?: string;
}

export interface TestWorker {
  readonly said: SaidEvent[];
  readonly errors: string[];
  /** Sends it and, unless the process only stops for a while, waits for its end. */
  signal(name: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): Promise<void>;
}

export interface TestCluster {
  readonly database: TestDatabase;
  router: Router;
  readonly config: RouterConfig;
  startRouter(more?: Partial<RouterConfig>, ports?: RouterPorts): Promise<Router>;
  startWorker(instance: string, more?: Partial<SimulatedWorkerOptions>): Promise<TestWorker>;
  partitions(): Promise<readonly Partition[]>;
  /** Waits until each slot is served, by the owners given if any; returns the milliseconds it took. */
  allServed(owners?: readonly string[], withinMs?: number): Promise<number>;
  stop(): Promise<void>;
}

/** Starts a router. A lease lives 1.5 s here, so that tests of expiry do not take half a minute. */
export async function openTestCluster(
  more: Partial<RouterConfig> = {},
  ports: RouterPorts = {},
): Promise<TestCluster> {
  const database = await openTestDatabase();
  const children: ChildProcess[] = [];
  const config: RouterConfig = {
    instance: "router-1",
    version: "test",
    host: "127.0.0.1",
    controlPort: 0,
    adminPort: 0,
    controlToken,
    adminToken,
    leaseTtlMs: 1_500,
    rebalanceDelayMs: 300,
    logLevel: "warn",
    postgresUrl: database.routerUrl,
    world: { partitions: 8, game: "reference", worldFormat: 1 },
    ...more,
  };
  const logger = createLogger({ service: "router", instance: "router-1", level: "silent" });
  const routers: Router[] = [];

  async function startRouter(
    changed: Partial<RouterConfig> = {},
    given: RouterPorts = ports,
  ): Promise<Router> {
    const router = await start({ ...config, ...changed }, { logger, ...given });
    routers.push(router);
    cluster.router = router;
    return router;
  }

  const cluster: TestCluster = {
    database,
    config,
    router: undefined as unknown as Router,
    startRouter,
    async startWorker(instance, changed = {}) {
      const options: SimulatedWorkerOptions = {
        instance,
        routerUrl: cluster.router.controlUrl,
        token: controlToken,
        postgresUrl: database.workerUrl,
        ...changed,
      };
      const script = path.join(import.meta.dirname, "simulated-worker.ts");
      const child = spawn(process.execPath, [script, JSON.stringify(options)]);
      children.push(child);
      return await followWorker(child, instance);
    },
    async partitions() {
      const admin = cluster.router.adminChannel.client(AdminService);
      return (await admin.listPartitions({})).partitions;
    },
    async allServed(owners, withinMs = 10_000) {
      const startedMs = performance.now();
      await vi.waitFor(
        async () => {
          for (const { slot, health, owner } of await cluster.partitions()) {
            if (health !== "ok") throw new Error(`${slot} is ${health}`);
            if (owners !== undefined && !owners.includes(owner)) {
              throw new Error(`${slot} belongs to ${owner}`);
            }
          }
        },
        { timeout: withinMs, interval: 10 },
      );
      return performance.now() - startedMs;
    },
    async stop() {
      for (const child of children) child.kill("SIGKILL");
      for (const router of routers) await router.stop();
      await database.drop();
    },
  };
  await startRouter();
  return cluster;
}

async function followWorker(child: ChildProcess, instance: string): Promise<TestWorker> {
  const said: SaidEvent[] = [];
  const errors: string[] = [];
  if (child.stdout === null || child.stderr === null) throw new Error("no pipes to the worker");
  createInterface(child.stdout).on("line", (line) => said.push(JSON.parse(line) as SaidEvent));
  createInterface(child.stderr).on("line", (line) => errors.push(line));
  await vi.waitFor(
    () => {
      if (said.some(({ event }) => event === "ready")) return;
      throw new Error(`${instance} is not ready: ${errors.join("\n")}`);
    },
    { timeout: 10_000, interval: 10 },
  );
  return {
    said,
    errors,
    async signal(name) {
      const ended = once(child, "exit");
      child.kill(name);
      if (name === "SIGKILL" || name === "SIGTERM") await ended;
    },
  };
}

/** One query as superuser. */
export async function asSuperuser<Row>(
  database: TestDatabase,
  text: string,
): Promise<readonly Row[]> {
  return await queryAs<Row>(database.adminUrl, text);
}

export async function queryAs<Row>(url: string, text: string): Promise<readonly Row[]> {
  const pool = openPool({ url, applicationName: "test" }, 1);
  try {
    const { rows } = await pool.query(text);
    return rows as Row[];
  } finally {
    await pool.end();
  }
}
