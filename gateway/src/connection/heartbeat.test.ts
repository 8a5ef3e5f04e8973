import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { MemoryBroker } from "@hexhold/messaging";
import { afterEach, expect, it, vi } from "vitest";
import { joinEdge, startTestEdge, type TestEdge } from "../edge.testing.ts";
import { startHeartbeat } from "./heartbeat.ts";

const silent = "01a205e9-4066-75d4-a65b-335845c5b501";
const quiet = "01a205e9-4066-75d4-a65b-335845c5b502";
/** The peers are of this process: a stall of that length would be theirs as well. */
const everyMs = 100;
let gateway: TestEdge | undefined;
let stop: () => void;

afterEach(async () => {
  stop();
  await gateway?.stop();
  gateway = undefined;
});

it("ends a connection whose peer is silent, and keeps one whose peer says nothing but is there", async () => {
  gateway = await startTestEdge({ broker: new MemoryBroker(), instance: "gateway-1" });
  const { edge } = gateway;
  const [gone, there] = [await joinEdge(gateway.url, silent), await joinEdge(gateway.url, quiet)];
  stop = startHeartbeat(edge.connections, everyMs);
  gone.socket.pause();
  await vi.waitFor(() => expect(edge.connections.size).toBe(1));
  await new Promise((resolve) => setTimeout(resolve, 2 * everyMs));
  expect(there.closeCode).toBeUndefined();
  expect(edge.sessions.map(({ accountText }) => accountText)).toEqual([quiet]);
});

it("judges behind what has come: a process that stood still takes no silence of its own for theirs", async () => {
  const order: string[] = [];
  const server = createServer((socket) => socket.on("data", () => order.push("data")));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  try {
    await once(peer, "connect");
    stop = startHeartbeat([{ beat: () => void order.push("beat") }], 25);
    setImmediate(() => {
      // A pong waits in its socket, and a beat is due.
      peer.write("pong");
      const untilMs = performance.now() + 50;
      while (performance.now() < untilMs);
    });
    await vi.waitFor(() => expect(order.length).toBeGreaterThanOrEqual(2));
    expect(order.slice(0, 2)).toEqual(["data", "beat"]);
  } finally {
    peer.destroy();
    server.close();
  }
});
