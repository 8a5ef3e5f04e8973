import type { WorldStatus } from "./start-world.ts";

/** `ws://` addresses of the gateways: one a process, or that of the only process of a world. */
export function gatewayUrls({ endpoints, processes }: WorldStatus): string[] {
  const urls = processes.flatMap(({ url }) => (url === undefined ? [] : [url]));
  return urls.length === 0 ? [endpoints.ws] : urls.map((url) => url.replace("http", "ws"));
}
