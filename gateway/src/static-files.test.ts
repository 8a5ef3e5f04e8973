import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { Agent, get as httpGet, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createHttpServer } from "./http-server.ts";

/** Large enough that a peer which reads nothing keeps its file open. */
const script = Buffer.alloc(8 * 1024 * 1024, "let a;\n");
let folder: string;
let server: Server;
let port: number;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "hexhold-page-"));
  mkdirSync(path.join(folder, "assets"));
  writeFileSync(path.join(folder, "index.html"), "<p>page");
  writeFileSync(path.join(folder, "assets/a-1.js"), script);
  writeFileSync(path.join(folder, "assets/a-1.js.br"), brotliCompressSync(script));
  writeFileSync(path.join(folder, "assets/a-1.js.gz"), gzipSync(script));
  server = createHttpServer({
    rpc: () => false,
    isAllowedOrigin: () => false,
    webRoot: folder,
    missing: () => [],
    responseStallMs: 500,
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

const get = (name: string, headers: Record<string, string> = {}, method = "GET") =>
  fetch(`http://127.0.0.1:${port}${name}`, { headers, method });
const openFiles = (): number => readdirSync("/proc/self/fd").length;

it("sends the smallest twin that the client takes, and the file itself to one that takes none", async () => {
  for (const [accepts, coding] of [
    ["gzip, br", "br"],
    ["gzip", "gzip"],
    ["br;q=0, gzip;q=0.5", "gzip"],
    ["identity", null],
  ] as const) {
    const response = await get("/assets/a-1.js", { "accept-encoding": accepts });
    expect(response.headers.get("content-encoding")).toBe(coding);
    expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(response.headers.get("vary")).toBe("accept-encoding");
    expect(Buffer.from(await response.arrayBuffer()).equals(script)).toBe(true);
  }
});

it("has hashed names kept for a year, and the page asked for again each time", async () => {
  const [page, asset] = [await get("/"), await get("/assets/a-1.js", {}, "HEAD")];
  expect(page.headers.get("cache-control")).toBe("no-cache");
  expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'self'/);
  expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  // Else fetch asks for a fresh one by itself.
  const known = { "if-none-match": page.headers.get("etag")!, "cache-control": "max-age=0" };
  const again = await get("/", known);
  expect([again.status, await again.text()]).toEqual([304, ""]);
  const part = await get("/assets/a-1.js", { range: "bytes=0-4" });
  expect([part.status, await part.text()]).toEqual([206, "let a"]);
});

it("finds nothing outside its folder, nor where there is no file, and keeps the error out of caches", async () => {
  for (const name of [
    "/assets",
    "/none.js",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/%00",
    "/%",
    "/.build-hash",
  ]) {
    const response = await get(name);
    expect([name, response.status >= 400 && response.status < 500]).toEqual([name, true]);
    expect(response.headers.get("cache-control")).toBeNull();
  }
  for (const range of ["bytes=9-1", "bytes=x-y", "bytes=99999999-"]) {
    const response = await get("/assets/a-1.js", { range });
    expect([200, 416]).toContain(response.status);
    await response.body?.cancel();
  }
});

it("leaves no descriptor open when downloads are aborted", async () => {
  const before = openFiles();
  const path = "GET /assets/a-1.js HTTP/1.1\r\nhost: x\r\naccept-encoding: identity\r\n\r\n";
  for (let round = 0; round < 20; round++) {
    const sockets = Array.from({ length: 25 }, () => connect(port, "127.0.0.1"));
    for (const socket of sockets) socket.on("error", () => undefined).write(path);
    await Promise.all(sockets.map((socket) => once(socket, "readable")));
    for (const socket of sockets) socket.resetAndDestroy();
  }
  for (let tries = 0; tries < 50 && openFiles() > before; tries++) await sleep(20);
  expect(openFiles()).toBeLessThanOrEqual(before);
});

const unread = "GET /assets/a-1.js HTTP/1.1\r\nhost: x\r\naccept-encoding: identity\r\n\r\n";

it("has one file open for a connection that pipelines 1,200 requests, and cuts it off", async () => {
  const before = openFiles();
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  const [peer] = (await Promise.all([once(server, "connection"), once(socket, "connect")]).then(
    ([accepted]) => accepted,
  )) as [Socket];
  const closed = once(peer, "close");
  socket.pause().write(unread.repeat(1200));
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, openFiles())), 1);
  await closed;
  clearInterval(timer);
  // Both ends of the connection, and the file.
  expect(most - before).toBeLessThan(10);
  socket.destroy();
});

it("ends a download of which nothing is read, and one that is read slowly goes on", async () => {
  const still = connect(port, "127.0.0.1").on("error", () => undefined);
  const slow = connect(port, "127.0.0.1").on("error", () => undefined);
  const startedMs = performance.now();
  let bytes = 0;
  slow.on("data", (chunk) => {
    bytes += chunk.length;
    slow.pause();
    setTimeout(() => slow.resume(), 12);
  });
  slow.write(unread);
  const request = once(server, "request") as Promise<[IncomingMessage]>;
  await request;
  const other = once(server, "request") as Promise<[IncomingMessage]>;
  still.pause().write(unread);
  const [{ socket: peer }] = await other;
  await once(peer, "close");
  expect(performance.now() - startedMs).toBeLessThan(5000);
  await expect.poll(() => bytes, { timeout: 15_000 }).toBeGreaterThan(script.length);
  expect(performance.now() - startedMs).toBeGreaterThan(1000);
  still.destroy();
  slow.destroy();
});

it("serves a client that keeps its connection one request after the other", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = new Set<unknown>();
  for (let nth = 0; nth < 5; nth++) {
    const request = httpGet({ port, path: "/", agent });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    sockets.add(response.socket);
    expect(await text(response)).toBe("<p>page");
  }
  expect(sockets.size).toBe(1);
  agent.destroy();
});
