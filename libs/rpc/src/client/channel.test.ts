import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { ControlService } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { createLogger } from "@hexhold/telemetry";
import { expect, test } from "vitest";
import { startRpcServer } from "../server/start-rpc-server.ts";
import { openChannel, openMemoryChannel } from "./channel.ts";

const logger = createLogger({ service: "rpc", instance: "test", level: "silent" });

/** Says one thing and then nothing, until the call ends. */
function routes(router: ConnectRouter): void {
  router.service(ControlService, {
    async *watchRoutes(_request, { signal }) {
      yield { routeVersion: 1n, full: true };
      if (!signal.aborted) await once(signal, "abort");
    },
    async heartbeat(_request, { signal }) {
      if (!signal.aborted) await once(signal, "abort");
      return {};
    },
  });
}

/** Passes bytes on until `freeze`, then none in either direction, with both sockets left open. */
async function proxyTo(port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) sockets.add(socket.on("error", () => undefined));
    near.pipe(far).pipe(near);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test("a peer that is frozen or cut off is noticed by its silence, while a quiet stream is left alone", async () => {
  const server = await startRpcServer({ port: 0, routes, logger });
  const proxy = await proxyTo(server.port);
  const channel = openChannel(proxy.url, { pingIntervalMs: 100, pingTimeoutMs: 100 });
  const stream = channel.client(ControlService).watchRoutes({ session: "s" });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  let ended = false;
  const end = items.next().catch((error: unknown) => {
    ended = true;
    return ConnectError.from(error);
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(ended).toBe(false);
  const frozenMs = performance.now();
  proxy.freeze();
  await end;
  expect(performance.now() - frozenMs).toBeLessThan(1_000);
  channel.close();
  proxy.close();
  await server.stop(0);
});

test("a unary call ends at its time-out, a stream has none, and close ends both", async () => {
  const server = await startRpcServer({ port: 0, routes, logger });
  const ways = [
    openMemoryChannel(routes, { callTimeoutMs: 50 }),
    openChannel(server.url, { callTimeoutMs: 50 }),
  ];
  for (const channel of ways) {
    const client = channel.client(ControlService);
    await expect(client.heartbeat({ session: "s" })).rejects.toMatchObject({
      code: Code.DeadlineExceeded,
    });
    const items = client.watchRoutes({ session: "s" })[Symbol.asyncIterator]();
    await items.next();
    const end = items.next().catch((error: unknown) => ConnectError.from(error).code);
    await new Promise((resolve) => setTimeout(resolve, 100));
    channel.close();
    expect(await end).toBe(Code.Canceled);
    await expect(client.heartbeat({ session: "s" })).rejects.toMatchObject({ code: Code.Canceled });
  }
  await server.stop(0);
});
