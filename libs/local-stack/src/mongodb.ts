import { findContainerEngine, startContainerService, type ContainerService } from "./container.ts";
import { startFerretdb } from "./ferretdb.ts";
import { findFerretdb } from "./ferretdb-binary.ts";
import { findBinary } from "./find-binary.ts";
import { startMongod } from "./mongod.ts";
import { downloadMongod } from "./mongod-download.ts";
import { mongodbVersion } from "./mongodb-version.ts";
import { notHere, type NotHere, resolveFirst } from "./resolution.ts";
import type { ServiceHandle } from "./service-handle.ts";
import type { StartContext } from "./start-context.ts";

/** What to do where no source has it. */
export const mongodbAdvice =
  "Install MongoDB 4.4 or newer (https://www.mongodb.com/docs/manual/installation/), or Go 1.24 " +
  "or newer (then FerretDB is built in its place), or set HEXHOLD_MONGODB_URL.";

/** What was found, ready to be started. */
interface MongodbCandidate {
  readonly start: () => Promise<ServiceHandle>;
}

/**
 * MongoDB, or FerretDB where none can be had (it speaks the same protocol; the product keeps
 * to what both understand).
 *
 * A mongod of the machine goes first. A *downloaded* one goes last, behind the build of
 * FerretDB: the download needs a host of its own beside the package registries, closed on
 * many build machines, and where it is closed only a time-out tells. Go fetches through the
 * module proxy, checks every byte against the committed go.sum, and is done in a minute.
 */
export async function startMongodb(context: StartContext): Promise<ServiceHandle> {
  const candidate = await resolveFirst<MongodbCandidate>(
    "MongoDB",
    [
      {
        source: "system",
        attempt() {
          const found = systemMongod();
          return Promise.resolve(
            "notHere" in found
              ? found
              : { start: () => startMongod(context, found.file, found.origin) },
          );
        },
      },
      {
        source: "container",
        async attempt() {
          const found = await findContainerEngine();
          return "notHere" in found
            ? found
            : { start: () => startContainerService(context, found.engine, containerOf(context)) };
        },
      },
      {
        source: "build",
        async attempt() {
          const binary = await findFerretdb(context);
          return "notHere" in binary ? binary : { start: () => startFerretdb(context, binary) };
        },
      },
      {
        source: "download",
        async attempt() {
          const mongod = await downloadMongod(context);
          return typeof mongod === "string"
            ? { start: () => startMongod(context, mongod, "download mongodb-memory-server-core") }
            : mongod;
        },
      },
    ],
    mongodbAdvice,
    context,
  );
  return await candidate.start();
}

/** Of this machine. */
export function systemMongod(): { readonly file: string; readonly origin: string } | NotHere {
  const file = findBinary("mongod", ["/opt/homebrew/bin", "/usr/local/bin"]);
  return file === undefined ? notHere("no mongod on PATH") : { file, origin: `system ${file}` };
}

function containerOf(context: StartContext): ContainerService {
  const { mongodb: password } = context.secrets;
  return {
    name: "mongodb",
    image: "mongo:7",
    port: 27_017,
    dataPath: "/data/db",
    env: { MONGO_INITDB_ROOT_USERNAME: "hexhold", MONGO_INITDB_ROOT_PASSWORD: password },
    command: [],
    url: (port) => `mongodb://hexhold:${password}@127.0.0.1:${port}/?authSource=admin`,
    probe: mongodbVersion,
  };
}
