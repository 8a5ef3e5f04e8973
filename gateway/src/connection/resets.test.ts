import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { ControlService } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { MemoryBroker } from "@hexhold/messaging";
import { startRpcServer } from "@hexhold/rpc";
import { createLogger } from "@hexhold/telemetry";
import { resetAt, resetStages } from "@hexhold/testing";
import { afterEach, expect, it, vi } from "vitest";
import { home, startTestEdge, type TestEdge } from "../edge.testing.ts";
import { acceptUpgrades } from "./upgrade.ts";

type Content = NonNullable<MessageInitShape<typeof ClientFrameSchema>["frame"]>;

const account = "01a205e9-4066-75d4-a65b-335845c5b501";
const keys = [{ hexId: home.hexId, layerId: 0 }];
const contents: Content[] = [
  { case: "hello", value: { token: account, sdk: "test" } },
  { case: "subscribe", value: { keys } },
  { case: "ping", value: { nonce: 1n } },
  { case: "refresh", value: { token: account } },
  { case: "command", value: { type: "cmd.hex.observe" } },
  { case: "unsubscribe", value: { keys } },
];
const frames = contents.map(
  (frame) =>
    [frame.case!, toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame }))] as const,
);
/** Of each stage; an error that nobody hears fails the run. */
const rounds = 2;
const replyMsMax = 150;
let gateway: TestEdge | undefined;
let server: Server | undefined;

afterEach(async () => {
  await gateway?.stop();
  server?.close();
  server?.closeAllConnections();
  gateway = server = undefined;
});

it("a reset at any stage of a connection ends that connection and nothing else", async () => {
  gateway = await startTestEdge({ broker: new MemoryBroker(), instance: "gateway-1" });
  const port = Number(new URL(gateway.url).port);
  const stages = resetStages({ rpcPaths: [], frames });
  expect(stages.length).toBeGreaterThan(50);
  for (let round = 0; round < rounds; round++) {
    await Promise.all(stages.map((stage) => resetAt(stage, port, "127.0.0.1", replyMsMax)));
  }
  const { connections } = gateway.edge;
  await vi.waitFor(() => expect(connections.size).toBe(0), { timeout: 3000 });
});

it("a refused upgrade that is reset ends that connection and nothing else", async () => {
  server = createServer();
  acceptUpgrades(server, {
    frameBytesMax: 1024,
    refusalOf: () => "503 Service Unavailable",
    opened: (socket) => socket.terminate(),
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const stages = resetStages({ rpcPaths: [] }).filter(({ name }) => name.startsWith("upgrade"));
  for (let round = 0; round < 10; round++) {
    await Promise.all(stages.map((stage) => resetAt(stage, port, "127.0.0.1", replyMsMax)));
  }
  const countLeft = () =>
    new Promise((resolve) => server!.getConnections((_, count) => resolve(count)));
  await vi.waitFor(async () => expect(await countLeft()).toBe(0), { timeout: 3000 });
});

it("a reset at any stage of an RPC ends that connection and nothing else", async () => {
  const logged: string[] = [];
  const logger = createLogger({
    service: "gateway",
    instance: "test",
    destination: { write: (line) => void logged.push(line) },
  });
  const rpc = await startRpcServer({
    port: 0,
    routes: (router) =>
      router.service(ControlService, {
        async *watchRoutes(_request, { signal }) {
          yield { routeVersion: 1n, full: true };
          if (!signal.aborted) await once(signal, "abort");
        },
      }),
    logger,
  });
  const methods = ["Register", "WatchRoutes"];
  const rpcPaths = methods.map((method) => `/${ControlService.typeName}/${method}`);
  const stages = resetStages({ rpcPaths });
  for (let round = 0; round < rounds; round++) {
    await Promise.all(stages.map((stage) => resetAt(stage, rpc.port, "127.0.0.1", replyMsMax)));
  }
  expect((await fetch(`${rpc.url}/healthz`)).status).toBe(200);
  await rpc.stop(0);
  // Else any peer could fill the disk.
  expect(logged).toEqual([]);
});
