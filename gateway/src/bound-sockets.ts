import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Newcomers } from "./admission/newcomers.ts";

/**
 * Bounds the sockets of an HTTP server that are no WebSockets (yet), as `newcomers` are bounded: of an address that
 * has too many a new one is cut off, of all the one that was opened first. Those of a proxy are the proxy's, however
 * many clients stand behind it.
 */
export function boundSockets(
  server: Server,
  newcomers: Newcomers,
  isProxy: (address: string) => boolean,
): void {
  const leaving = new WeakMap<Duplex, () => void>();
  server.on("connection", (socket) => {
    socket.on("error", () => socket.destroy());
    const address = socket.remoteAddress ?? "";
    const counted = isProxy(address) ? "" : address;
    if (counted !== "" && newcomers.isFull(counted)) {
      socket.destroy();
      return;
    }
    const leave = newcomers.enter(counted, () => {
      leave();
      socket.destroy();
    });
    leaving.set(socket, leave);
    socket.once("close", leave);
  });
  // It is counted as a WebSocket from now on.
  server.prependListener("upgrade", (_request, socket) => {
    socket.on("error", () => socket.destroy());
    leaving.get(socket)?.();
  });
}
