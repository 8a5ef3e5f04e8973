/** Stands between a service and PostgreSQL, so that its connections can be cut where a test wants. */
import { createServer, connect, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

export interface StoreProxy {
  /** `url` of the server, by way of the proxy. */
  urlOf(url: string): string;
  /** The next COMMIT reaches the server, its answer nobody: the connection is cut instead. */
  swallowNextCommit(): void;
  /** Commits whose answers were swallowed. */
  readonly swallowed: number;
  /** Cuts all connections and takes no more, or takes them again. */
  setAway(isAway: boolean): void;
  close(): Promise<void>;
}

export async function openStoreProxy(serverUrl: string): Promise<StoreProxy> {
  const { hostname, port } = new URL(serverUrl);
  const open = new Set<Socket>();
  let isAway = false;
  let isArmed = false;
  let swallowed = 0;
  const server = createServer((near) => {
    if (isAway) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    let isCut = false;
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (data) => {
      if (isArmed && data.includes("COMMIT")) {
        isArmed = false;
        isCut = true;
        swallowed++;
      }
      far.write(data);
    });
    far.on("data", (data) => {
      if (isCut) near.destroy();
      else near.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    urlOf(url) {
      const own = new URL(url);
      own.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      return own.href;
    },
    swallowNextCommit: () => void (isArmed = true),
    get swallowed() {
      return swallowed;
    },
    setAway(away) {
      isAway = away;
      if (away) for (const socket of open) socket.destroy();
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
