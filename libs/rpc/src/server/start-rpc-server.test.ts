import { EventEmitter, once } from "node:events";
import { request as httpRequest } from "node:http";
import {
  connect as connectHttp2,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
} from "node:http2";
import { type Socket, connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type ConnectRouter, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { Health, HealthCheckResponse_ServingStatus } from "@hexhold/gen/grpc/health/v1/health_pb";
import { ControlService, ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { afterEach, expect, test } from "vitest";
import { openChannel } from "../client/channel.ts";
import { type RpcServer, type RpcServerOptions, startRpcServer } from "./start-rpc-server.ts";

const logger = createLogger({ service: "rpc", instance: "test", level: "silent" });
const token = "a-token-of-the-test";
const registration = {
  instance: "worker-1",
  kind: ProcessKind.WORKER,
  controlUrl: "http://127.0.0.1:1",
  incarnation: "019aa8a4-7a3b-7000-8000-000000000001",
};
/** `endless`: that call has come to its handler. */
const handled = new EventEmitter();
const servers: RpcServer[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.stop(100)));
});

/** Answers `Register` with the instance as session, and a watch that says one thing and then waits. */
function routes(router: ConnectRouter): void {
  router.service(ControlService, {
    async register({ instance }) {
      if (instance === "slow") await sleep(300);
      if (instance === "endless") {
        handled.emit("endless");
        await new Promise(() => undefined);
      }
      if (instance === "broken") throw new Error("secret detail");
      return { session: instance };
    },
    async *watchRoutes(_request, context) {
      yield { routeVersion: 7n, full: true };
      await new Promise<void>((resolve) =>
        context.signal.addEventListener("abort", () => resolve()),
      );
      throw ConnectError.from(context.signal.reason);
    },
  });
}

async function start(options: Partial<RpcServerOptions> = {}): Promise<RpcServer> {
  const server = await startRpcServer({ port: 0, routes, logger, token, ...options });
  servers.push(server);
  return server;
}

async function openSocket(server: RpcServer): Promise<Socket> {
  const socket = connect(server.port, "127.0.0.1");
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

const transports = {
  "Connect over HTTP/1.1": (baseUrl: string) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  "Connect over h2c": (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "2" }),
  "gRPC over h2c": (baseUrl: string) => createGrpcTransport({ baseUrl }),
  "gRPC-web over HTTP/1.1": (baseUrl: string) =>
    createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
};

test.each(Object.entries(transports))("%s is served on the one port", async (_name, transport) => {
  const server = await start();
  const client = createClient(ControlService, transport(server.url));
  const headers = { authorization: `Bearer ${token}` };
  await expect(client.register(registration, { headers })).resolves.toMatchObject({
    session: "worker-1",
  });
});

test.each(Object.entries(transports))(
  "%s: no token, a wrong one and one cut short are UNAUTHENTICATED; health is open",
  async (_name, transport) => {
    const server = await start();
    const client = createClient(ControlService, transport(server.url));
    for (const authorization of [undefined, "Bearer wrong", `Bearer ${token.slice(1)}`, token]) {
      const headers = authorization === undefined ? {} : { authorization };
      const call = client.register(registration, { headers });
      await expect(call).rejects.toMatchObject({ code: Code.Unauthenticated });
    }
    const health = createClient(Health, transport(server.url));
    await expect(health.check({})).resolves.toMatchObject({
      status: HealthCheckResponse_ServingStatus.SERVING,
    });
  },
);

test("the rules of the .proto are enforced, over the port and inside the process", async () => {
  const server = await start();
  const channel = openChannel(server.url, { token });
  for (const way of [channel, server.channel]) {
    const call = way.client(ControlService).register({ ...registration, instance: "No Name" });
    await expect(call).rejects.toMatchObject({ code: Code.InvalidArgument });
  }
  channel.close();
});

test.each(["", "application/grpc"])(
  "a body that is no message is INVALID_ARGUMENT, whatever it is wrapped in %s",
  async (wrapping) => {
    const server = await start();
    const path = `${server.url}/${ControlService.typeName}/Register`;
    const post = async (type: string, body: Uint8Array<ArrayBuffer>) => {
      const headers = { "content-type": type, authorization: `Bearer ${token}` };
      const response = await fetch(path, { method: "POST", headers, body });
      const text = await response.text();
      return `${response.status} ${response.headers.get("grpc-status") ?? text}`;
    };
    const badText = Buffer.concat([
      Buffer.from('{"instance":"'),
      Buffer.of(0xff),
      Buffer.from('"}'),
    ]);
    const badBytes = Uint8Array.of(0x0a, 2, 0xff, 0xfe);
    const cut = Uint8Array.of(0x0a, 99, 1);
    const framed = (bytes: Uint8Array) => new Uint8Array([0, 0, 0, 0, bytes.length, ...bytes]);
    if (wrapping === "") {
      expect(await post("application/json", new Uint8Array(badText))).toMatch(/^400.*invalid_arg/);
      expect(await post("application/proto", badBytes)).toMatch(/^400.*invalid_argument/);
      expect(await post("application/proto", cut)).toMatch(/^400.*invalid_argument/);
      return;
    }
    const trailer = async (bytes: Uint8Array) => {
      const type = "application/grpc-web";
      return Buffer.from(await post(type, framed(bytes))).toString("latin1");
    };
    expect(await trailer(badBytes)).toMatch(/grpc-status: ?3|^200 3/);
    expect(await trailer(cut)).toMatch(/grpc-status: ?3|^200 3/);
  },
);

test("an error that nobody meant is INTERNAL, without its text", async () => {
  const server = await start();
  const call = server.channel
    .client(ControlService)
    .register({ ...registration, instance: "broken" });
  const error = await call.catch((reason: unknown) => ConnectError.from(reason));
  expect(error).toMatchObject({ code: Code.Internal });
  expect(ConnectError.from(error).message).not.toContain("secret");
});

test("a message above the limit is RESOURCE_EXHAUSTED", async () => {
  const server = await start({ limits: { messageBytesMax: 512 } });
  const channel = openChannel(server.url, { token });
  const long = {
    ...registration,
    amqpConnections: Array.from({ length: 16 }, () => "x".repeat(99)),
  };
  await expect(channel.client(ControlService).register(long)).rejects.toMatchObject({
    code: Code.ResourceExhausted,
  });
  channel.close();
});

test("/healthz says that it lives, /readyz what is missing, /metrics is the registry, anything else is 404 or the handler's", async () => {
  let missing: string[] = [];
  const metrics = createMetrics({ processMetrics: false });
  metrics.counter("hexhold_test_total", "Test.").inc(3);
  const server = await start({ missing: () => missing, metrics });
  const get = (path: string) => fetch(server.url + path);
  expect(await (await get("/healthz")).text()).toBe("ok\n");
  expect(await (await get("/readyz")).json()).toEqual({ ready: true, missing: [] });
  missing = ["the broker: ECONNREFUSED"];
  expect((await get("/healthz")).status).toBe(200);
  const unready = await get("/readyz");
  expect([unready.status, await unready.json()]).toEqual([503, { ready: false, missing }]);
  expect(await (await get("/metrics")).text()).toContain("hexhold_test_total 3");
  expect((await get("/nothing")).status).toBe(404);
  const other = await start({ httpHandler: (_request, response) => void response.end("mine") });
  expect(await (await fetch(`${other.url}/page`)).text()).toBe("mine");
});

test("a malformed Host header is 400 and ends nothing", async () => {
  const server = await start();
  const path = `/${ControlService.typeName}/Register`;
  const status = await new Promise((resolve, reject) => {
    const request = httpRequest({
      port: server.port,
      path,
      method: "POST",
      headers: { host: "[" },
    });
    request.on("response", (response) => resolve(response.resume().statusCode));
    request.on("error", reject).end("{}");
  });
  expect(status).toBe(400);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test("a connection that says nothing, or never ends its headers, is closed", async () => {
  const server = await start({ limits: { headerTimeoutMs: 200 } });
  const silent = await openSocket(server);
  const slow = await openSocket(server);
  slow.write("GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ");
  const startedMs = performance.now();
  silent.resume();
  slow.resume();
  await Promise.all([once(silent, "close"), once(slow, "close")]);
  expect(performance.now() - startedMs).toBeLessThan(3_000);
});

function openSession(server: RpcServer): ClientHttp2Session {
  const session = connectHttp2(server.url);
  session.on("error", () => undefined);
  session.on("connect", (_session, socket) => sockets.push(socket));
  return session;
}

/** Code with which the server ended it; undefined: it has not within `withinMs`. */
async function endOf(stream: ClientHttp2Stream, withinMs: number): Promise<number | undefined> {
  stream.on("error", () => undefined);
  const signal = AbortSignal.timeout(withinMs);
  return once(stream, "close", { signal }).then(
    () => stream.rstCode,
    () => undefined,
  );
}

test("over HTTP/2, an answer that nobody reads and a request that never ends cost a stream only for a time", async () => {
  const large = Buffer.alloc(4 * 1024 * 1024);
  const httpHandler: RpcServerOptions["httpHandler"] = (_request, response) =>
    void response.end(large);
  const limits = { responseStallMs: 300, headerTimeoutMs: 300, requestTimeoutMs: 300 };
  const server = await start({ httpHandler, limits });
  const session = openSession(server);
  const unread = session.request({ ":path": "/large" });
  const path = `/${Health.typeName}/Check`;
  const head = { ":path": path, ":method": "POST", "content-type": "application/json" };
  const endless = session.request(head, { endStream: false });
  endless.resume().write("{");
  const ends = await Promise.all([unread, endless].map((stream) => endOf(stream, 3000)));
  expect(ends).toEqual([constants.NGHTTP2_CANCEL, constants.NGHTTP2_CANCEL]);
  // The connection goes on, and a watch that is quiet for longer.
  const channel = openChannel(server.url, { token });
  const client = channel.client(ControlService);
  const watch = client.watchRoutes({ session: "s" })[Symbol.asyncIterator]();
  await watch.next();
  const next = watch.next().catch((error: unknown) => ConnectError.from(error).code);
  expect(await Promise.race([next, sleep(1000, "quiet")])).toBe("quiet");
  const healthy = session.request({ ":path": "/healthz" });
  expect(await endOf(healthy.resume(), 3000)).toBe(constants.NGHTTP2_NO_ERROR);
  session.destroy();
  channel.close();
});

test("over HTTP/1.1, a connection has one call in hand and is cut off when many wait", async () => {
  let handled = 0;
  const server = await start({ httpHandler: () => void handled++ });
  const socket = await openSocket(server);
  socket.on("error", () => undefined).resume();
  socket.write("GET /page HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1200));
  await once(socket, "close");
  expect(handled).toBe(1);
});

test("bytes that arrive one by one are still told apart", async () => {
  const server = await start();
  const socket = await openSocket(server);
  socket.setNoDelay(true);
  const answered = once(socket, "data");
  for (const byte of "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n") {
    socket.write(byte);
    await sleep(1);
  }
  expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 200/);
});

test("nonsense and resets end nothing", async () => {
  const server = await start();
  for (const text of [
    "\u0000\u0001\u0002\u0003\u0004",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense!",
    "P",
  ]) {
    const socket = await openSocket(server);
    socket.write(text);
    await sleep(20);
    socket.resetAndDestroy();
  }
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test("more connections than allowed are turned away", async () => {
  const server = await start({ limits: { connectionsMax: 2 } });
  await openSocket(server);
  await openSocket(server);
  const third = connect(server.port, "127.0.0.1");
  third.on("error", () => undefined);
  await once(third.resume(), "close");
  expect(third.bytesRead).toBe(0);
});

test("a stop lets a call end, ends streams with UNAVAILABLE and frees the port", async () => {
  const server = await start();
  const channel = openChannel(server.url, { token });
  const client = channel.client(ControlService);
  const slow = client.register({ ...registration, instance: "slow" });
  const stream = client.watchRoutes({ session: "s" })[Symbol.asyncIterator]();
  expect((await stream.next()).value).toMatchObject({ routeVersion: 7n });
  const ended = stream.next().catch((error: unknown) => ConnectError.from(error).code);
  await sleep(50);
  await server.stop();
  await expect(slow).resolves.toMatchObject({ session: "slow" });
  expect(await ended).toBe(Code.Unavailable);
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow("fetch failed");
  channel.close();
});

test("a stop does not wait for a peer that keeps a connection open, nor for one that never ends", async () => {
  const server = await start();
  const idle = await openSocket(server);
  idle.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(idle, "data");
  const half = await openSocket(server);
  half.write(
    `POST /${ControlService.typeName}/Register HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n`,
  );
  half.on("error", () => undefined);
  const isHandled = once(handled, "endless");
  const endless = fetch(`${server.url}/${ControlService.typeName}/Register`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ ...registration, kind: "PROCESS_KIND_WORKER", instance: "endless" }),
  }).catch(() => "cut off");
  await isHandled;
  const startedMs = performance.now();
  const stopped = server.stop(300).then(() => "stopped");
  expect(await Promise.race([stopped, sleep(2_000)])).toBe("stopped");
  expect(performance.now() - startedMs).toBeGreaterThan(250);
  expect(await endless).toBe("cut off");
});

test("a taken port is an error that says what to do, and never another port", async () => {
  const first = await start();
  await expect(start({ port: first.port })).rejects.toThrow(/is taken: stop what listens there/);
});

test("a port that is let go of in time is waited for", async () => {
  const first = await start();
  const waiting = start({ port: first.port, portWaitMs: 5000 });
  await sleep(100);
  await first.stop(0);
  expect((await waiting).port).toBe(first.port);
});
