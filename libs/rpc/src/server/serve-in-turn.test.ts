import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { serveInTurn } from "./serve-in-turn.ts";

/** More than the kernel holds for a peer that reads nothing. */
const large = Buffer.alloc(12 * 1024 * 1024);
const limits = { pipelinedMax: 4, responseStallMs: 400 };
let server: Server;
let socket: Socket;
let handled: string[];
let mostInHand: number;

afterEach(() => {
  socket.destroy();
  server.close();
  server.closeAllConnections();
});

/** Answers by the path: `/large`, `/slow` after longer than a peer may take, and anything else by itself after a moment. */
async function start(): Promise<void> {
  handled = [];
  mostInHand = 0;
  let inHand = 0;
  const answer = async (path: string, response: ServerResponse): Promise<void> => {
    await sleep(path === "/slow" ? 700 : 5);
    response.end(path === "/large" ? large : `\n${path}\n`);
  };
  server = createServer({ keepAliveTimeout: 300 });
  serveInTurn(server, limits, (request, response) => {
    handled.push(request.url!);
    mostInHand = Math.max(mostInHand, ++inHand);
    response.once("close", () => inHand--);
    void answer(request.url!, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

test("pipelined requests are handled one at a time and answered in their order", async () => {
  await start();
  let text = "";
  socket.on("data", (bytes) => (text += String(bytes)));
  const paths = ["/1", "/2", "/3", "/4", "/5"];
  socket.write(paths.map(get).join(""));
  await vi.waitFor(() => expect(text.match(/^\/\d$/gm)).toEqual(paths));
  expect(mostInHand).toBe(1);
  socket.write(get("/6"));
  await vi.waitFor(() => expect(text).toContain("/6"));
});

test("a connection with more requests waiting than the limit is cut off, and none of them is handled", async () => {
  await start();
  socket.write(get("/1").repeat(1200));
  await once(socket.resume(), "close");
  await sleep(50);
  expect([handled.length, mostInHand]).toEqual([1, 1]);
});

test("a connection whose peer reads nothing of an answer is cut off in time", async () => {
  await start();
  const accepted = once(server, "request") as Promise<[IncomingMessage]>;
  socket.pause().write(get("/large") + get("/large"));
  const [{ socket: peer }] = await accepted;
  const startedMs = performance.now();
  await once(peer, "close");
  expect(performance.now() - startedMs).toBeLessThan(3000);
  await sleep(50);
  expect(handled).toHaveLength(1);
});

test("a peer that reads slowly gets all of it", async () => {
  await start();
  let bytes = 0;
  const startedMs = performance.now();
  socket.on("data", (chunk) => {
    bytes += chunk.length;
    socket.pause();
    setTimeout(() => socket.resume(), 6);
  });
  socket.write(get("/large"));
  await vi.waitFor(() => expect(bytes).toBeGreaterThan(large.length), 15_000);
  expect(performance.now() - startedMs).toBeGreaterThan(2 * limits.responseStallMs);
});

test("a handler may take longer than a peer may, and a connection without a request may not", async () => {
  await start();
  socket.write(get("/slow"));
  expect(String((await once(socket, "data"))[0])).toContain("/slow");
  const startedMs = performance.now();
  await once(socket, "close");
  expect(performance.now() - startedMs).toBeLessThan(3000);
});
