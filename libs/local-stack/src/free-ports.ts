import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { codeOf, osReason } from "@hexhold/config";
import { randomInt } from "node:crypto";

/** Below it, names of well-known services; the private ones stay clear of them. */
const LOWEST_PORT = 15_000;
/** Linux' default beginning of the range for outgoing connections. */
const EPHEMERAL_DEFAULT = 32_768;
const ATTEMPTS_MAX = 200;

/** Services start at the same time: a port that one was given is free until it listens, and nobody else's. */
const handedOut = new Set<number>();

/**
 * Free ports on 127.0.0.1, all different, and none from the range that the system uses for
 * outgoing connections: while a service is down its port must stay its own, and a client
 * that keeps dialling a port of that range ends up connected to itself (TCP allows that),
 * after which the service cannot come back.
 *
 * Drawn at random, so that two stacks that start together do not race for the same ones.
 */
export async function freePorts(count: number): Promise<number[]> {
  const highest = Math.max(ephemeralPortsBegin() - 1, LOWEST_PORT + 1_000);
  const found = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX && found.size < count; attempt += 1) {
    const port = randomInt(LOWEST_PORT, highest);
    // In this order: another service may be given the port while the system is asked.
    if ((await isPortFree(port)) && !handedOut.has(port)) {
      handedOut.add(port);
      found.add(port);
    }
  }
  if (found.size < count) {
    throw new Error(
      `Only ${found.size} of ${count} free ports were found on 127.0.0.1 ` +
        `between ${LOWEST_PORT} and ${highest}. Is something using them up?`,
    );
  }
  return [...found];
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) {
    throw new Error("freePorts(1) returned none");
  }
  return port;
}

function ephemeralPortsBegin(): number {
  try {
    const text = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
    return Number(text.trim().split(/\s+/)[0]);
  } catch {
    return EPHEMERAL_DEFAULT;
  }
}

/** Whether a server may listen there now. Rejects when that cannot be found out: no descriptor is left, no such host. */
export function isPortFree(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", (error) => {
      if (["EADDRINUSE", "EACCES", "EADDRNOTAVAIL"].includes(codeOf(error) ?? "")) resolve(false);
      else reject(new Error(`Port ${port} of ${host}: ${osReason(error)}`, { cause: error }));
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
