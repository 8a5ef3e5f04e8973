import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { Newcomers } from "./admission/newcomers.ts";
import { boundSockets } from "./bound-sockets.ts";

const options = { newcomersMax: 6, newcomersPerAddressMax: 4, tokenChecksPerAddressPerS: 1 };
let server: Server;
let sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  server.close();
  server.closeAllConnections();
});

async function start(isProxy: (address: string) => boolean): Promise<Newcomers> {
  const newcomers = new Newcomers(options);
  server = createServer((_request, response) => void response.end());
  boundSockets(server, newcomers, isProxy);
  server.on("upgrade", (_request, socket) => {
    socket.on("error", () => undefined).write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return newcomers;
}

async function open(localAddress: string, count: number): Promise<Socket[]> {
  const { port } = server.address() as AddressInfo;
  const opened = Array.from({ length: count }, () =>
    connect({ port, host: "127.0.0.1", localAddress })
      .on("error", () => undefined)
      .resume(),
  );
  sockets.push(...opened);
  await Promise.all(opened.map((socket) => once(socket, "connect")));
  return opened;
}

const openOf = (of: readonly Socket[]): number => of.filter(({ closed }) => !closed).length;

it("cuts off what an address has too many of, and the oldest when all have too many", async () => {
  const newcomers = await start(() => false);
  const crowd = await open("127.0.1.1", 8);
  await vi.waitFor(() => expect(openOf(crowd)).toBe(4));
  const others = [...(await open("127.0.1.2", 2)), ...(await open("127.0.1.3", 2))];
  await vi.waitFor(() => expect([openOf(crowd), openOf(others)]).toEqual([2, 4]));
  expect(newcomers.count).toBe(6);
});

it("counts no WebSocket, nobody who has left, and a proxy's sockets in all alone", async () => {
  const newcomers = await start((address) => address === "127.0.1.9");
  const proxied = await open("127.0.1.9", 5);
  await vi.waitFor(() => expect([newcomers.count, openOf(proxied)]).toEqual([5, 5]));
  proxied[0]!.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
  proxied[1]!.destroy();
  await vi.waitFor(() => expect([newcomers.count, openOf(proxied)]).toEqual([3, 4]));
});
