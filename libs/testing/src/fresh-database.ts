import { Client, escapeIdentifier } from "pg";
import { freshName, providedStack } from "./provided-stack.ts";

export interface FreshDatabase {
  readonly name: string;
  /** Same role as the server's own URL: a superuser on a private server. */
  readonly url: string;
  /** Drops it, ending whatever is still connected. Optional: the whole server goes after the run. */
  readonly drop: () => Promise<void>;
}

/**
 * An empty PostgreSQL database of its own, or a copy of `template`: migrate one database
 * once per file and copy it per test (about 50 ms). Nobody may be connected to a template.
 */
export async function freshDatabase(
  options: { readonly template?: string } = {},
): Promise<FreshDatabase> {
  const name = freshName();
  const { url } = providedStack().postgres;
  const template = escapeIdentifier(options.template ?? "template1");
  await onServer(url, (client) =>
    client.query(`create database ${escapeIdentifier(name)} template ${template}`),
  );
  const own = new URL(url);
  own.pathname = `/${name}`;
  return {
    name,
    url: own.href,
    drop: () => dropDatabase(url, name),
  };
}

export async function dropDatabase(serverUrl: string, name: string): Promise<void> {
  await onServer(serverUrl, (client) =>
    client.query(`drop database if exists ${escapeIdentifier(name)} with (force)`),
  );
}

/** Names of the databases that begin with a prefix. */
export async function databasesOf(serverUrl: string, prefix: string): Promise<string[]> {
  return await onServer(serverUrl, async (client) => {
    const found = await client.query<{ datname: string }>(
      "select datname from pg_database where starts_with(datname, $1)",
      [prefix],
    );
    return found.rows.map((row) => row.datname);
  });
}

async function onServer<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
