import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type ConnectRouter, type ServiceImpl } from "@connectrpc/connect";
import {
  ControlService,
  type HeldSlot,
  ProcessKind,
  type RegisterRequest,
} from "@hexhold/gen/hexhold/control/v1/control_pb";
import { createLogger } from "@hexhold/telemetry";
import { afterEach, expect, test, vi } from "vitest";
import { openMemoryChannel } from "../client/channel.ts";
import { type RpcServer, startRpcServer } from "../server/start-rpc-server.ts";
import { joinCluster } from "./join-cluster.ts";
import type { AssignmentWatcher, ClusterMembership, JoinOptions } from "./membership.ts";
import type { ClusterRoutes } from "./route-updates.ts";

const logger = createLogger({ service: "rpc", instance: "test", level: "silent" });
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A router that remembers what it was told and can forget its sessions. */
function fakeRouter(overrides: Partial<ServiceImpl<typeof ControlService>> = {}, leaseTtlMs = 300) {
  const seen = { registrations: [] as RegisterRequest[], heartbeats: [] as HeldSlot[][] };
  const name = Math.random().toString(36).slice(2);
  let generation = 1;
  const know = (session: string): void => {
    if (session === `${name}-${generation}`) return;
    throw new ConnectError("session is not known", Code.NotFound);
  };
  const routes = (router: ConnectRouter): void => {
    router.service(ControlService, {
      register(request) {
        seen.registrations.push(request);
        return {
          session: `${name}-${generation}`,
          leaseTtlMs,
          worldTimeMs: BigInt(Date.now()),
          settings: { resolution: 6, partitions: 8 },
          world: { worldId: "w", historyId: "h" },
        };
      },
      heartbeat({ session, held }) {
        know(session);
        seen.heartbeats.push(held);
        return { worldTimeMs: BigInt(Date.now()) };
      },
      async *watchRoutes({ session }, { signal }) {
        know(session);
        yield { routeVersion: BigInt(generation), full: true, partitions: 8 };
        await ended(signal);
      },
      async *watchAssignments({ session }, { signal }) {
        know(session);
        yield { assignment: { case: "grant", value: { slot: "cmd.p3", expectedEpoch: 41n } } };
        yield { assignment: { case: "release", value: { slot: "cmd.p2", reason: "rebalance" } } };
        await ended(signal);
      },
      ...overrides,
    });
  };
  return { routes, seen, forget: () => void generation++ };
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function serve(routes: (router: ConnectRouter) => void, port = 0): Promise<RpcServer> {
  const server = await startRpcServer({ port, routes, logger, token: "t" });
  cleanups.push(() => server.stop(100));
  return server;
}

async function join(
  routers: JoinOptions["routers"],
  more: Partial<JoinOptions> = {},
): Promise<ClusterMembership> {
  const membership = await joinCluster({
    routers,
    token: "t",
    instance: "worker-1",
    kind: ProcessKind.WORKER,
    controlUrl: "http://127.0.0.1:1",
    incarnation: "019aa8a4-7a3b-7000-8000-000000000001",
    version: "0.1.0",
    worldFormat: 1,
    amqpConnections: ["a"],
    logger,
    joinTimeoutMs: 500,
    ...more,
  });
  cleanups.push(() => membership.stop());
  return membership;
}

test("it registers, beats every third of the lease's time with what is held, and knows world time", async () => {
  const router = fakeRouter();
  const held = [{ slot: "cmd.p1", epoch: 7n, commands: 5, stalled: false, handlingUs: 0 }];
  const membership = await join(openMemoryChannel(router.routes), { onHeartbeat: () => held });
  expect(membership.settings.partitions).toBe(8);
  expect(Math.abs(membership.worldNow() - Date.now())).toBeLessThan(500);
  await vi.waitFor(() => expect(router.seen.heartbeats.length).toBeGreaterThanOrEqual(3));
  expect(router.seen.heartbeats[0]).toMatchObject([{ slot: "cmd.p1", epoch: 7n, commands: 5n }]);
  expect(router.seen.registrations).toHaveLength(1);
});

test("grants, releases and routes arrive, over the port as well", async () => {
  const router = fakeRouter();
  const membership = await join([(await serve(router.routes)).url]);
  const grant = vi.fn<AssignmentWatcher["grant"]>();
  const release = vi.fn<AssignmentWatcher["release"]>();
  const onRoutes = vi.fn<(routes: ClusterRoutes) => void>();
  membership.watchAssignments({ grant, release });
  membership.watchRoutes(onRoutes);
  await vi.waitFor(() => expect(release).toHaveBeenCalledWith("cmd.p2", "rebalance"));
  expect(grant).toHaveBeenCalledWith("cmd.p3", 41n);
  await vi.waitFor(() =>
    expect(onRoutes).toHaveBeenCalledWith(expect.objectContaining({ partitions: 8 })),
  );
});

test("a session that is not known any more is replaced, and the streams with it", async () => {
  const router = fakeRouter();
  const membership = await join([(await serve(router.routes)).url]);
  const versions: bigint[] = [];
  membership.watchRoutes((routes) => void versions.push(routes.routeVersion));
  await vi.waitFor(() => expect(versions).toEqual([1n]));
  router.forget();
  await vi.waitFor(() => expect(versions).toEqual([1n, 2n]));
  expect(router.seen.registrations).toHaveLength(2);
});

test("a router that stops and comes back, another one that takes over: the process goes on", async () => {
  const first = fakeRouter();
  const second = fakeRouter();
  const one = await serve(first.routes);
  const two = await serve(second.routes);
  const membership = await join([one.url, two.url]);
  const seen: bigint[] = [];
  membership.watchRoutes((routes) => void seen.push(routes.routeVersion));
  await vi.waitFor(() => expect(first.seen.heartbeats.length).toBeGreaterThan(1));
  await one.stop(0);
  await vi.waitFor(() => expect(second.seen.heartbeats.length).toBeGreaterThan(1), 5_000);
  await two.stop(0);
  await serve(first.routes, one.port);
  const before = first.seen.heartbeats.length;
  await vi.waitFor(() => expect(first.seen.heartbeats.length).toBeGreaterThan(before + 1), 8_000);
  expect(membership.worldNow()).toBeGreaterThan(0);
}, 20_000);

test("heartbeatNow does not wait for its turn; new connection names are registered at once", async () => {
  const router = fakeRouter({}, 6_000);
  const membership = await join(openMemoryChannel(router.routes));
  await vi.waitFor(() => expect(router.seen.heartbeats).toHaveLength(1));
  membership.heartbeatNow();
  await vi.waitFor(() => expect(router.seen.heartbeats).toHaveLength(2), 1_000);
  await membership.setAmqpConnections(["b", "c"]);
  expect(router.seen.registrations.at(-1)?.amqpConnections).toEqual(["b", "c"]);
  // Both at once, as when one of two connections goes and comes back: the router knows the last.
  await Promise.all([
    membership.setAmqpConnections(["b"]),
    membership.setAmqpConnections(["b", "d"]),
  ]);
  expect(router.seen.registrations.at(-1)?.amqpConnections).toEqual(["b", "d"]);
});

test("after the stop nothing is sent any more; the last heartbeat says what is held then", async () => {
  const router = fakeRouter();
  let held = [{ slot: "cmd.p1", epoch: 7n, commands: 0, stalled: false, handlingUs: 0 }];
  const membership = await join(openMemoryChannel(router.routes), { onHeartbeat: () => held });
  membership.watchRoutes(() => undefined);
  await vi.waitFor(() => expect(router.seen.heartbeats).toHaveLength(1));
  held = [];
  await membership.stop();
  expect(router.seen.heartbeats.at(-1)).toEqual([]);
  const count = router.seen.heartbeats.length;
  await sleep(250);
  expect(router.seen.heartbeats).toHaveLength(count);
});

test("a clock more than 5 s off is refused, with what to do", async () => {
  for (const [offMs, side] of [
    [-6_000, "ahead of"],
    [6_000, "behind"],
  ] as const) {
    const router = fakeRouter({
      register: () => ({
        session: "s",
        leaseTtlMs: 300,
        // World time may be apart from both: they were set, and it wears that down.
        worldTimeMs: BigInt(Date.now() + 3_600_000),
        clockMs: BigInt(Date.now() + offMs),
        settings: {},
        world: {},
      }),
    });
    await expect(join(openMemoryChannel(router.routes))).rejects.toThrow(
      `6 s ${side} PostgreSQL's clock`,
    );
  }
});

test("a refusal for good fails at once, no router within the time fails with where it looked", async () => {
  let tries = 0;
  const refusing = fakeRouter({
    register() {
      tries++;
      throw new ConnectError("a later worker-1 is there", Code.AlreadyExists);
    },
  });
  await expect(join(openMemoryChannel(refusing.routes))).rejects.toThrow(
    "refuses worker-1: a later worker-1 is there",
  );
  expect(tries).toBe(1);
  await expect(join(["http://127.0.0.1:1"])).rejects.toThrow(
    /no router \(http:\/\/127\.0\.0\.1:1\) took worker-1 within 0\.5 s/,
  );
  const server = await serve(fakeRouter().routes);
  await expect(join([server.url], { token: "wrong" })).rejects.toThrow(/needs the header/);
});
