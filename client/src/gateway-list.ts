/** The gateways of a world, one after another, in a circle that each client enters somewhere else. */
export interface GatewayList {
  readonly count: number;
  /** The one to connect to. */
  readonly current: string;
  /** The next one is the one to connect to. */
  advance(): void;
}

/** Throws a TypeError when there is none. */
export function createGatewayList(
  urls: string | readonly string[],
  random: () => number = Math.random,
): GatewayList {
  const list = typeof urls === "string" ? [urls] : [...new Set(urls)];
  if (list.length === 0) throw new TypeError("url: at least one gateway is needed");
  let at = Math.floor(random() * list.length);
  return {
    count: list.length,
    get current() {
      return list[at]!;
    },
    advance() {
      at = (at + 1) % list.length;
    },
  };
}
