import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { startServerProcess, waitUntilReady } from "./process/server-process.ts";
import { installPackages } from "./apt.ts";
import { baseEnvironment } from "./base-environment.ts";
import { findBinary } from "./find-binary.ts";
import { findContainerEngine, startContainerService, type ContainerService } from "./container.ts";
import { freePort } from "./free-ports.ts";
import { notHere, resolveFirst, type NotHere } from "./resolution.ts";
import { lockServiceData, ownFolder } from "./service-folder.ts";
import { startPrivateService, type Launched, type ServiceHandle } from "./service-handle.ts";
import type { StartContext } from "./start-context.ts";

const READY_TIMEOUT_MS = 15_000;

/** What to do where no source has it. */
export const redisAdvice =
  "Install Redis (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis), " +
  "or set HEXHOLD_REDIS_URL.";

type RedisSource = { readonly file: string; readonly origin: string } | { readonly engine: string };

/** Redis without persistence: nothing in the product rests on it, and a restart begins empty. */
export async function startRedis(context: StartContext): Promise<ServiceHandle> {
  const source = await findRedis(context);
  return "engine" in source
    ? await startContainerService(context, source.engine, containerOf(context.secrets.redis))
    : await startRedisServer(context, source);
}

async function startRedisServer(
  context: StartContext,
  binary: { readonly file: string; readonly origin: string },
): Promise<ServiceHandle> {
  const port = await freePort();
  const folder = ownFolder(context.dataDir.path, "redis");
  const configFile = join(folder, "redis.conf");
  const url = `redis://default:${context.secrets.redis}@127.0.0.1:${port}`;
  writeFileSync(
    configFile,
    [
      "bind 127.0.0.1",
      `port ${port}`,
      `requirepass ${context.secrets.redis}`,
      "daemonize no",
      'save ""',
      "appendonly no",
      // Tests take one logical database each.
      "databases 1024",
      `dir "${folder}"`,
      "",
    ].join("\n"),
    { mode: 0o600 },
  );
  context.report("starting", binary.origin);
  const launch = async (): Promise<Launched> => {
    const lock = await lockServiceData("redis", folder);
    const server = await startServerProcess({
      name: "redis",
      command: binary.file,
      args: [configFile],
      env: baseEnvironment({ HOME: folder }),
      cwd: folder,
      logFile: join(context.dataDir.logDir, "redis.log"),
      ledger: context.dataDir.ledger,
      stopSignal: "SIGTERM",
      lock,
    }).finally(lock.release);
    try {
      const version = await waitUntilReady(server, READY_TIMEOUT_MS, () => redisVersion(url));
      return { processes: [server], version };
    } catch (error) {
      await server.kill();
      throw error;
    }
  };
  return await startPrivateService({
    name: "redis",
    url,
    origin: binary.origin,
    launch,
    stopBoundMs: 5_000,
    onDeath: context.onDeath,
  });
}

function containerOf(password: string): ContainerService {
  const server = 'exec redis-server --save "" --appendonly no --databases 1024';
  return {
    name: "redis",
    image: "redis:7",
    port: 6379,
    env: { REDIS_PASSWORD: password },
    command: ["sh", "-c", `${server} --requirepass "$REDIS_PASSWORD"`],
    url: (port) => `redis://default:${password}@127.0.0.1:${port}`,
    probe: redisVersion,
  };
}

/** Asks a Redis for its version; fails when it does not answer. */
export async function redisVersion(url: string): Promise<string> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 2_000,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const info = await client.info("server");
    return `Redis ${/redis_version:(\S+)/.exec(info)?.[1] ?? "?"}`;
  } finally {
    client.disconnect();
  }
}

/** Of this machine. */
export function systemRedis(): { readonly file: string; readonly origin: string } | NotHere {
  const file =
    findBinary("redis-server", ["/opt/homebrew/bin", "/usr/local/bin"]) ??
    findBinary("valkey-server");
  return file === undefined
    ? notHere("no redis-server or valkey-server on PATH")
    : { file, origin: `system ${file}` };
}

function findRedis(context: StartContext): Promise<RedisSource> {
  return resolveFirst<RedisSource>(
    "Redis",
    [
      { source: "system", attempt: () => Promise.resolve(systemRedis()) },
      { source: "container", attempt: findContainerEngine },
      {
        source: "apt",
        async attempt() {
          context.report("working", "installing redis-server");
          const result = await installPackages(["redis-server"], context.install);
          return result === "installed" ? systemRedis() : result;
        },
      },
    ],
    redisAdvice,
    context,
  );
}
