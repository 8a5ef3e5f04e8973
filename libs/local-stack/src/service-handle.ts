/**
 * One running service of the stack, and what may be done to it.
 *
 *   running ──kill()──▶ killed ──restart()──▶ running
 *      │ ▲                                       │
 *      │ └── restart(), or by itself after an unexpected death
 *      └──────────────── stop() ────────────────▶ stopped (final)
 */
import { createUnwind } from "@hexhold/config";
import type { ServerProcess } from "./process/server-process.ts";

export const SERVICE_NAMES = ["postgres", "rabbitmq", "redis", "mongodb"] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export interface ServiceHandle {
  readonly name: ServiceName;
  /** With user and password. */
  readonly url: string;
  /** RabbitMQ's HTTP API, with user and password. */
  readonly managementUrl?: string;
  /** Of the server itself (`beam.smp`, the postmaster); absent for a service that is not ours. Changes with a restart. */
  readonly pid?: number;
  /** As the server says, e.g. `PostgreSQL 15.20`. */
  readonly version: string;
  /** Given by URL: it was running before and goes on after. */
  readonly external: boolean;
  /** How it was found, e.g. `system /usr/bin/redis-server`. */
  readonly origin: string;
  /** SIGKILL, with all children; it stays down until `restart()`. Settles when nothing of it runs. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP, with all children. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** Stops it if it runs, and starts it again: same port, same data. Settles when it answers. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** After the bound of an orderly stop, until SIGKILL has had its effect. */
const killMsMax = 10_000;

/** What one start of a service yields. */
export interface Launched {
  /** The server itself first; what it stands on behind it, in the order of stopping. */
  readonly processes: readonly [ServerProcess, ...ServerProcess[]];
  readonly version: string;
}

export interface PrivateServiceOptions {
  readonly name: ServiceName;
  readonly url: string;
  readonly managementUrl?: string;
  readonly origin: string;
  /** Starts the service on its port with its data and settles when it answers. Cleans up after itself when it fails. */
  readonly launch: () => Promise<Launched>;
  /** Bound for the orderly stop of each of its processes. */
  readonly stopBoundMs: number;
  /** Called when the service's own process ends without having been asked to. */
  readonly onDeath: (handle: ServiceHandle, how: string) => void;
}

/** Launches a private service and returns its handle. */
export async function startPrivateService(options: PrivateServiceOptions): Promise<ServiceHandle> {
  let state: "running" | "killed" | "stopped" = "running";
  let launched = await options.launch();

  // One change at a time: a restart that overlaps a kill would leave a second server behind.
  let lastChange: Promise<void> = Promise.resolve();
  const inTurn = (change: () => Promise<void>): Promise<void> => {
    const mine = lastChange.then(change);
    lastChange = mine.catch(() => undefined);
    return mine;
  };
  /** All of them, whichever throws. */
  const inOrder = async (end: (each: ServerProcess) => Promise<void>): Promise<void> => {
    const unwind = createUnwind();
    for (const each of launched.processes.toReversed()) {
      unwind.add(each.name, () => end(each), options.stopBoundMs + killMsMax);
    }
    await unwind.run();
  };
  const killAll = async (): Promise<void> => {
    await inOrder((each) => each.kill());
  };
  const stopAll = async (): Promise<void> => {
    await inOrder((each) => each.stop(options.stopBoundMs));
  };
  const handle: ServiceHandle = {
    name: options.name,
    url: options.url,
    ...(options.managementUrl === undefined ? {} : { managementUrl: options.managementUrl }),
    get pid() {
      return launched.processes[0].pid;
    },
    get version() {
      return launched.version;
    },
    external: false,
    origin: options.origin,
    kill: () =>
      inTurn(async () => {
        if (state === "running") {
          state = "killed";
        }
        await killAll();
      }),
    freeze() {
      for (const each of launched.processes) {
        each.freeze();
      }
    },
    thaw() {
      for (const each of launched.processes) {
        each.thaw();
      }
    },
    restart: () =>
      inTurn(async () => {
        if (state === "stopped") {
          throw new Error(`${options.name} has been stopped with its stack: start a new stack.`);
        }
        state = "killed";
        await stopAll();
        launched = await options.launch();
        state = "running";
        watch();
      }),
    stop: () =>
      inTurn(async () => {
        state = "stopped";
        await stopAll();
      }),
  };
  const watch = (): void => {
    const [main] = launched.processes;
    void main.exited.then((how) => {
      if (state === "running" && launched.processes[0] === main) {
        options.onDeath(handle, how);
      }
    });
  };
  watch();
  return handle;
}

/** The handle of a service that was given by URL: nothing here may end or freeze it. */
export function externalService(name: ServiceName, url: string, version: string): ServiceHandle {
  const refuse = (): never => {
    throw new Error(
      `${name} at ${withoutPassword(url)} was given by URL; hexctl does not stop, kill or freeze what it did not start.`,
    );
  };
  return {
    name,
    url,
    version,
    external: true,
    origin: "url",
    kill: () => Promise.resolve().then(refuse),
    freeze: refuse,
    thaw: refuse,
    restart: () => Promise.resolve().then(refuse),
    stop: () => Promise.resolve(),
  };
}

/** For messages: the URL with its password replaced. */
export function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url);
    if (parsed.password !== "") {
      parsed.password = "***";
    }
    return parsed.href;
  } catch {
    return "(not a URL)";
  }
}
