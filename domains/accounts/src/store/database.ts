import {
  checkSchemaVersion,
  isOutage,
  openPool,
  type PgPool,
  type PgPoolClient,
} from "@hexhold/postgres";

/** Newest migration of schema `accounts` that this software knows. */
const schemaVersion = "0001_accounts";
const connectionsMax = 8;

/** PostgreSQL cannot be reached, or did not say whether a statement took effect: hold, and try again. */
export class StoreOutageError extends Error {
  readonly code = "STORE_OUTAGE";
  constructor(cause: unknown) {
    super(`PostgreSQL does not answer: ${(cause as Error).message}`, { cause });
    this.name = "StoreOutageError";
  }
}

/** Runs one named statement. Rejects with {@link StoreOutageError}, or with the server's refusal. */
export type RunStatement = <Row>(name: string, text: string, values?: unknown[]) => Promise<Row[]>;

export interface Database {
  readonly run: RunStatement;
  /** All or nothing of what `work` runs. */
  transaction<T>(work: (run: RunStatement) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Opens the schema as role hexhold_accounts. Rejects when it is older or newer than this software. */
export async function openDatabase(postgresUrl: string, instance: string): Promise<Database> {
  const pool = openPool(
    { url: postgresUrl, applicationName: `accounts:${instance}` },
    connectionsMax,
  );
  try {
    await withClient(pool, (client) => checkSchemaVersion(client, "accounts", schemaVersion));
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    run: async (name, text, values = []) =>
      (await noticing(() => pool.query({ name, text, values }))).rows as never,
    transaction: (work) =>
      withClient(pool, async (client) => {
        const run: RunStatement = async (name, text, values = []) =>
          (await noticing(() => client.query({ name, text, values }))).rows as never;
        await noticing(() => client.query("BEGIN"));
        try {
          const result = await work(run);
          await noticing(() => client.query("COMMIT"));
          return result;
        } catch (error) {
          await client.query("ROLLBACK").catch(() => undefined);
          throw error;
        }
      }),
    close: () => pool.end(),
  };
}

async function withClient<T>(pool: PgPool, work: (client: PgPoolClient) => Promise<T>): Promise<T> {
  const client = await noticing(() => pool.connect());
  try {
    const result = await work(client);
    client.release();
    return result;
  } catch (error) {
    // A connection whose state is not known is not used again.
    client.release(error instanceof StoreOutageError);
    throw error;
  }
}

async function noticing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isOutage(error) ? new StoreOutageError(error) : error;
  }
}
