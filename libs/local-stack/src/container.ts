/**
 * Services in containers, for machines that have an engine and not the service itself.
 *
 * `docker run` per service and not `docker compose`: each one is killed, frozen and restarted
 * alone, and the client in the foreground is a child like any other server. When the host
 * dies the kernel ends that client with SIGTERM, which it passes on to its container.
 */
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { readIfThere } from "@hexhold/config";
import { findBinary } from "./find-binary.ts";
import {
  startServerProcess,
  waitUntilReady,
  type ServerProcess,
} from "./process/server-process.ts";
import { baseEnvironment } from "./base-environment.ts";
import { freePorts } from "./free-ports.ts";
import { notHere, type NotHere } from "./resolution.ts";
import { startPrivateService, type ServiceHandle, type ServiceName } from "./service-handle.ts";
import type { StartContext } from "./start-context.ts";

const run = promisify(execFile);

const ENGINE_TIMEOUT_MS = 5_000;
/** The image may have to be fetched. */
const READY_TIMEOUT_MS = 300_000;

export interface ContainerService {
  readonly name: ServiceName;
  readonly image: string;
  readonly port: number;
  /** RabbitMQ's HTTP API. */
  readonly managementPort?: number;
  /** In the container; kept in a named volume. Without it the data go with the container. */
  readonly dataPath?: string;
  /** Passed by name, so that no password shows in a command line. */
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  /** Further flags of `docker run`. */
  readonly flags?: readonly string[];
  readonly url: (port: number) => string;
  readonly managementUrl?: (port: number) => string;
  readonly probe: (url: string) => Promise<string>;
}

/** The engine's command, if it answers. */
export async function findContainerEngine(): Promise<{ engine: string } | NotHere> {
  const engine = findBinary("docker") ?? findBinary("podman");
  if (engine === undefined) {
    return notHere("no docker or podman on PATH");
  }
  try {
    await run(engine, ["info", "--format", "{{.ID}}"], { timeout: ENGINE_TIMEOUT_MS });
    return { engine };
  } catch {
    return notHere(`${engine} is there, but its engine does not answer`);
  }
}

/** Starts a service in a container on free loopback ports. */
export async function startContainerService(
  context: StartContext,
  engine: string,
  service: ContainerService,
): Promise<ServiceHandle> {
  const [port = 0, managementPort = 0] = await freePorts(2);
  const container = `${stackName(context.dataDir.path)}-${service.name}`;
  const url = service.url(port);
  const origin = `container ${service.image}`;
  const args = ["run", "--rm", "--name", container, ...(service.flags ?? [])];
  args.push("--publish", `127.0.0.1:${port}:${service.port}`);
  if (service.managementPort !== undefined) {
    args.push("--publish", `127.0.0.1:${managementPort}:${service.managementPort}`);
  }
  if (service.dataPath !== undefined) {
    rememberVolume(context.dataDir.path, engine, container);
    args.push("--volume", `${container}:${service.dataPath}`);
  }
  args.push(...Object.keys(service.env).flatMap((name) => ["--env", name]));
  args.push(service.image, ...service.command);
  context.report("starting", origin);
  return await startPrivateService({
    name: service.name,
    url,
    ...(service.managementUrl === undefined
      ? {}
      : { managementUrl: service.managementUrl(managementPort) }),
    origin,
    async launch() {
      // One of that name is what a killed run has left.
      await run(engine, ["rm", "--force", container]).catch(() => undefined);
      const client = await startServerProcess({
        name: service.name,
        command: engine,
        args,
        env: baseEnvironment({
          HOME: context.dataDir.path,
          ...engineEnvironment(),
          ...service.env,
        }),
        cwd: context.dataDir.path,
        logFile: join(context.dataDir.logDir, `${service.name}.log`),
        ledger: context.dataDir.ledger,
        stopSignal: "SIGTERM",
      });
      const server = asContainer(client, engine, container);
      try {
        const version = await waitUntilReady(client, READY_TIMEOUT_MS, () => service.probe(url));
        return { processes: [server], version };
      } catch (error) {
        await server.kill();
        throw error;
      }
    },
    stopBoundMs: 20_000,
    onDeath: context.onDeath,
  });
}

/** Removes the volumes that a data directory's containers have used. */
export function removeVolumes(dataDir: string): void {
  const file = volumesFile(dataDir);
  for (const line of new Set((readIfThere(file) ?? "").trim().split("\n"))) {
    const [engine, volume] = line.split("\t");
    if (engine !== undefined && volume !== undefined) {
      execFileSync(engine, ["volume", "rm", "--force", volume], { stdio: "ignore" });
    }
  }
}

/** The client's process with what concerns the server sent to the container: the client may be killed, it lives on. */
function asContainer(client: ServerProcess, engine: string, container: string): ServerProcess {
  const ask = (...command: string[]): void => {
    execFileSync(engine, command, { stdio: "ignore", timeout: 30_000 });
  };
  return {
    ...client,
    freeze: () => ask("pause", container),
    thaw: () => ask("unpause", container),
    async kill() {
      await run(engine, ["kill", container]).catch(() => undefined);
      await run(engine, ["rm", "--force", container]).catch(() => undefined);
      await client.kill();
    },
    async stop(boundMs) {
      await run(engine, ["unpause", container]).catch(() => undefined);
      const seconds = String(Math.ceil(boundMs / 1_000));
      await run(engine, ["stop", "--time", seconds, container]).catch(() => undefined);
      await client.stop(boundMs);
    },
  };
}

/** Where the engine is: the only variables of the caller that its client needs. */
function engineEnvironment(): Record<string, string> {
  const names = ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "HOME"];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function stackName(dataDir: string): string {
  return `hexhold-${createHash("sha256").update(dataDir).digest("hex").slice(0, 12)}`;
}

function volumesFile(dataDir: string): string {
  return join(dataDir, "volumes");
}

function rememberVolume(dataDir: string, engine: string, volume: string): void {
  appendFileSync(volumesFile(dataDir), `${engine}\t${volume}\n`, { mode: 0o600 });
}
