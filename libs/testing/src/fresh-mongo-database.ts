import { MongoClient } from "mongodb";
import { freshName, providedStack } from "./provided-stack.ts";

export interface FreshMongoDatabase {
  /** Of the server: give the name to `client.db(name)`. */
  readonly url: string;
  readonly name: string;
  readonly drop: () => Promise<void>;
}

/**
 * Why there is no MongoDB, or `undefined` when there is one. For
 * `describe.skipIf(mongodbMissing() !== undefined)`; under `CI=true` the run has failed before.
 */
export function mongodbMissing(): string | undefined {
  const { mongodb } = providedStack();
  return "missing" in mongodb ? mongodb.missing : undefined;
}

/** A MongoDB database of its own; it exists from the first document on. */
export function freshMongoDatabase(): FreshMongoDatabase {
  const { mongodb } = providedStack();
  if ("missing" in mongodb) {
    throw new Error(`No MongoDB in this run. ${mongodb.missing}`);
  }
  const name = freshName();
  return { url: mongodb.url, name, drop: () => dropMongoDatabase(mongodb.url, name) };
}

export async function dropMongoDatabase(url: string, name: string): Promise<void> {
  await withClient(url, (client) => client.db(name).dropDatabase());
}

/** Names of the databases that begin with a prefix. */
export async function mongoDatabasesOf(url: string, prefix: string): Promise<string[]> {
  return await withClient(url, async (client) => {
    const { databases } = await client.db("admin").admin().listDatabases({ nameOnly: true });
    return databases.map(({ name }) => name).filter((name) => name.startsWith(prefix));
  });
}

async function withClient<T>(url: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(url);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.close();
  }
}
