import { MongoClient } from "mongodb";

/**
 * Asks a MongoDB for its version; fails when it does not answer. FerretDB says that it is
 * one (built from its module it does not know its own version).
 */
export async function mongodbVersion(url: string): Promise<string> {
  const client = new MongoClient(url, {
    serverSelectionTimeoutMS: 2_000,
    connectTimeoutMS: 2_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    // FerretDB tells its version to anybody; only this shows that the password is right.
    await client.db("admin").command({ listDatabases: 1, nameOnly: true });
    const info: Record<string, unknown> = await client.db("admin").command({ buildInfo: 1 });
    const version = String(info["version"]);
    return info["ferretdbVersion"] === undefined
      ? `MongoDB ${version}`
      : `FerretDB as MongoDB ${version}`;
  } finally {
    await client.close();
  }
}
