/** Signals for a service and everything below it, and when it can be reached again. */
import { connect } from "node:net";

export { signalTree } from "@hexhold/testing";

/** Resolves when `url`'s port takes connections; milliseconds since the call. */
export async function untilAccepts(url: string, msMax: number): Promise<number> {
  const { hostname, port } = new URL(url);
  const startedMs = performance.now();
  while (performance.now() - startedMs < msMax) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (open) return performance.now() - startedMs;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${hostname}:${port} takes no connections within ${msMax} ms`);
}
