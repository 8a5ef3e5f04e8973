import { startFerretdb } from "./ferretdb.ts";
import { findFerretdb } from "./ferretdb-binary.ts";
import { findBinary } from "../find-binary.ts";
import { startMongod } from "./mongod.ts";
import { downloadMongod } from "./mongod-download.ts";
import { notHere, resolveFirst } from "./resolution.ts";
import type { ServiceHandle } from "./service-handle.ts";
import type { StartContext } from "./start-context.ts";

const ADVICE =
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
          const mongod = findBinary("mongod", ["/opt/homebrew/bin", "/usr/local/bin"]);
          return Promise.resolve(
            mongod === undefined
              ? notHere("no mongod on PATH")
              : { start: () => startMongod(context, mongod, `system ${mongod}`) },
          );
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
    ADVICE,
    context.sources,
  );
  return await candidate.start();
}
