import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { startServerProcess, waitUntilReady } from "./process/server-process.ts";
import { baseEnvironment } from "./base-environment.ts";
import { freePort } from "./free-ports.ts";
import { mongodbVersion } from "./mongodb-version.ts";
import { lockServiceData, ownFolder } from "./service-folder.ts";
import { startPrivateService, type Launched, type ServiceHandle } from "./service-handle.ts";
import type { StartContext } from "./start-context.ts";

const READY_TIMEOUT_MS = 60_000;
const USER = "hexhold";

/** A real mongod with authorization on and one generated administrator. */
export async function startMongod(
  context: StartContext,
  mongod: string,
  origin: string,
): Promise<ServiceHandle> {
  const port = await freePort();
  const folder = ownFolder(context.dataDir.path, "mongod");
  const data = join(folder, "data");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const url = `mongodb://${USER}:${context.secrets.mongodb}@127.0.0.1:${port}/?authSource=admin`;
  context.report("starting", origin);
  const launch = async (): Promise<Launched> => {
    const lock = await lockServiceData("mongodb", folder);
    const server = await startServerProcess({
      name: "mongodb",
      command: mongod,
      args: ["--bind_ip", "127.0.0.1", "--port", String(port), "--dbpath", data, "--auth"],
      env: baseEnvironment({ HOME: folder }),
      cwd: folder,
      logFile: join(context.dataDir.logDir, "mongodb.log"),
      ledger: context.dataDir.ledger,
      stopSignal: "SIGTERM",
      lock,
    }).finally(lock.release);
    try {
      const version = await waitUntilReady(server, READY_TIMEOUT_MS, async () => {
        await createUserOnce(port, context.secrets.mongodb);
        return await mongodbVersion(url);
      });
      return { processes: [server], version };
    } catch (error) {
      await server.kill();
      throw error;
    }
  };
  return await startPrivateService({
    name: "mongodb",
    url,
    origin,
    launch,
    stopBoundMs: 15_000,
    onDeath: context.onDeath,
  });
}

/**
 * While a mongod has no user, a client on the same machine may create the first one (its
 * "localhost exception"); afterwards it refuses, which is how we learn that there is one.
 */
async function createUserOnce(port: number, password: string): Promise<void> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}`, {
    serverSelectionTimeoutMS: 2_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client
      .db("admin")
      .command({ createUser: USER, pwd: password, roles: ["root"] })
      .catch(() => undefined);
  } finally {
    await client.close();
  }
}
