import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { AdminService, file_hexhold_admin_v1_admin } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { ServerReflection } from "@hexhold/gen/grpc/reflection/v1/reflection_pb";
import { ServerReflection as ServerReflectionV1Alpha } from "@hexhold/gen/grpc/reflection/v1alpha/reflection_pb";
import { createMemoryBus, MemoryBroker } from "@hexhold/messaging";
import { openChannel } from "@hexhold/rpc";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  adminToken,
  asSuperuser,
  openTestCluster,
  type TestCluster,
} from "../../test/test-cluster.ts";

const run = promisify(execFile);
const buf = path.resolve(import.meta.dirname, "../../node_modules/.bin/buf");
const grpcurl = (process.env["PATH"] ?? "")
  .split(path.delimiter)
  .map((folder) => path.join(folder, "grpcurl"))
  .find((file) => existsSync(file));

/** The list of what must be callable comes from the descriptors, not from here. */
const methods = file_hexhold_admin_v1_admin.services.flatMap((service) =>
  service.methods.map((method) => ({ service: service.typeName, method: method.name })),
);
const letterId = "01890a5d-ac96-774b-bcce-b302099a8057";
const requests: Readonly<Record<string, unknown>> = {
  RaiseWorldFormat: { format: 1 },
  GetHex: { key: "861f1d48fffffff" },
  RetryDeadLetter: { eventId: letterId },
};
const queues = [{ name: "cmd.p0", messagesReady: 3, messagesUnacked: 1, consumers: 1 }];

let cluster: TestCluster;

beforeAll(async () => {
  const broker = {
    queueDepths: async () => queues,
    closeConnections: async () => undefined,
    alarms: async () => [{ node: "rabbit@a", of: "memory", bytes: 2, limitBytes: 1 } as const],
  };
  const memory = new MemoryBroker();
  for (const queue of ["cmd.router", "cmd.inventory.0"]) memory.declareQueue(queue, 100);
  const bus = createMemoryBus(memory);
  await bus.consume("cmd.inventory.0", { prefetch: 1, onDelivery: (delivery) => delivery.ack() });
  cluster = await openTestCluster({ leaseTtlMs: 10_000 }, { broker, bus });
  await asSuperuser(
    cluster.database,
    `INSERT INTO control.dead_letter (event_id, dead_at, slot, worker, type, envelope, error, attempts)
     VALUES ('${letterId}', now(), 'cmd.inventory.0', 'market-1', 'cmd.inventory.settle', '', 'it failed', 5)`,
  );
  await cluster.startWorker("worker-1");
  await cluster.allServed(["worker-1"]);
});

afterAll(async () => {
  await cluster.stop();
});

const header = `authorization: Bearer ${adminToken}`;
/** buf sends `--header` with the call only; reflection has headers of its own. */
const known = ["--reflect-header", header];
const authorized = ["--header", header, ...known];

async function bufCurl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(buf, ["curl", "--http2-prior-knowledge", ...args]);
  return stdout;
}

async function failureOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => "it succeeded",
    (error: { stderr?: string; message: string }) => error.stderr ?? error.message,
  );
}

describe("buf curl, by reflection", () => {
  test("lists every method of the descriptors", async () => {
    const text = await bufCurl("--list-methods", ...authorized, cluster.router.adminUrl);
    for (const { service, method } of methods) expect(text).toContain(`${service}/${method}`);
    expect(methods.length).toBeGreaterThanOrEqual(4);
  });

  test.each(methods)("calls $service/$method", async ({ service, method }) => {
    const data = JSON.stringify(requests[method] ?? {});
    for (const protocol of ["connect", "grpc"]) {
      const url = `${cluster.router.adminUrl}/${service}/${method}`;
      const text = await bufCurl("--protocol", protocol, "--data", data, ...authorized, url);
      expect(Object.keys(JSON.parse(text) as object).length).toBeGreaterThan(0);
    }
  });

  test.each(methods)("is UNAUTHENTICATED at $service/$method without the token", async (item) => {
    const url = `${cluster.router.adminUrl}/${item.service}/${item.method}`;
    const failure = await failureOf(bufCurl(...known, "--data", "{}", url));
    expect(failure).toContain('"unauthenticated"');
  });

  test("is UNAUTHENTICATED for reflection without the token, and with a wrong one", async () => {
    const url = cluster.router.adminUrl;
    for (const headers of [[], ["--reflect-header", "authorization: Bearer wrong"]]) {
      expect(await failureOf(bufCurl("--list-methods", ...headers, url))).toMatch(
        /you are not authenticated/,
      );
    }
    for (const service of [ServerReflection, ServerReflectionV1Alpha]) {
      const client = createClient(service, createGrpcTransport({ baseUrl: url }));
      const listServices = { messageRequest: { case: "listServices", value: "" } } as const;
      const questions = (async function* () {
        yield listServices;
      })();
      const answers = client.serverReflectionInfo(questions)[Symbol.asyncIterator]();
      await expect(answers.next()).rejects.toMatchObject({ code: Code.Unauthenticated });
    }
  });

  test("gets health without a token", async () => {
    const url = `${cluster.router.adminUrl}/grpc.health.v1.Health/Check`;
    const call = bufCurl(...known, "--data", "{}", url);
    expect(JSON.parse(await call)).toEqual({ status: "SERVING" });
  });
});

// Where it is installed; not a skipped test elsewhere, as buf curl shows the same.
test.each(grpcurl === undefined ? [] : [grpcurl])(
  "%s lists and calls every method by reflection",
  async (program) => {
    const { host } = new URL(cluster.router.adminUrl);
    const call = async (...args: readonly string[]) => (await run(program, args)).stdout;
    const withToken = ["-plaintext", "-H", header];
    expect(await call(...withToken, host, "list")).toContain(AdminService.typeName);
    for (const { service, method } of methods) {
      const data = JSON.stringify(requests[method] ?? {});
      const text = await call(...withToken, "-d", data, host, `${service}/${method}`);
      expect(Object.keys(JSON.parse(text) as object).length).toBeGreaterThan(0);
    }
    expect(await failureOf(call("-plaintext", host, "list"))).toMatch(/unauthenticated/i);
  },
);

describe("what operators see", () => {
  const client = () => {
    const channel = openChannel(cluster.router.adminUrl, { token: adminToken });
    return { admin: channel.client(AdminService), close: () => channel.close() };
  };

  test("every slot with owner, epoch, lease and health", async () => {
    const { admin, close } = client();
    const { partitions, routeVersion } = await admin.listPartitions({});
    expect(routeVersion).toBe(1n);
    expect(partitions.map(({ slot }) => slot)).toEqual(
      Array.from({ length: 8 }, (_, n) => `cmd.p${n}`),
    );
    for (const partition of partitions) {
      expect(partition).toMatchObject({ owner: "worker-1", health: "ok" });
      expect(partition.epoch).toBeGreaterThan(0n);
      const leftMs = Number(partition.leaseExpiresMs) - Date.now();
      expect(leftMs).toBeGreaterThan(5_000);
      expect(leftMs).toBeLessThanOrEqual(10_500);
    }
    close();
  });

  test("every process, the router itself among them", async () => {
    const { admin, close } = client();
    const { processes } = await admin.listProcesses({});
    expect(processes.map(({ instance, kind }) => [instance, kind])).toEqual([
      ["router-1", "router"],
      ["worker-1", "worker"],
    ]);
    expect(processes[1]).toMatchObject({ alive: true, version: "test" });
    expect(processes[1]?.slots).toHaveLength(8);
    expect(Math.abs(Number(processes[1]?.lastHeartbeatMs) - Date.now())).toBeLessThan(5_000);
    close();
  });

  test("one hex from the memory of its owner, and of another that it is not there", async () => {
    const { admin, close } = client();
    expect(await admin.getHex({ key: "861f1d48fffffff" })).toMatchObject({
      slot: "cmd.p2",
      bucket: 0xf1b5ac62 % 1024,
      owner: "worker-1",
      active: true,
      hexVersion: 7n,
      readableJson: '{"level":1}',
      note: "",
    });
    expect(await admin.getHex({ key: "86754e64fffffff" })).toMatchObject({
      slot: "cmd.p3",
      active: false,
      readableJson: "",
      note: "not in the memory of worker-1: its first command loads it",
    });
    close();
  });

  test.each(["861f1d48ffffff", "no-hex-at-all-here", "851f1d4bfffffff", "ffffffffffffffff"])(
    "%s is no key: INVALID_ARGUMENT",
    async (key) => {
      const { admin, close } = client();
      await expect(admin.getHex({ key })).rejects.toThrow(/invalid_argument/);
      close();
    },
  );

  test("queues with what waits in them", async () => {
    const { admin, close } = client();
    expect((await admin.listQueues({})).queues).toMatchObject([
      { name: "cmd.p0", messagesReady: 3n, messagesUnacked: 1n, consumers: 1 },
    ]);
    close();
  });

  test("metrics on both ports, without a token", async () => {
    for (const url of [cluster.router.adminUrl, cluster.router.controlUrl]) {
      const text = await (await fetch(`${url}/metrics`)).text();
      expect(text).toContain('hexhold_slots{health="ok"} 8');
      expect(text).toContain('hexhold_lease_changes_total{change="granted"} 8');
      expect(text).toContain('hexhold_processes{kind="worker",heard="true"} 1');
      expect(text).toMatch(/hexhold_heartbeat_age_seconds\{process="worker-1"\} [0-9.]+/);
    }
  });
});
