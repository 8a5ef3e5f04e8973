import { inTransaction, StoreOutageError } from "@hexhold/domain";
import { checkSchemaVersion, isOutage, openPool } from "@hexhold/postgres";

/** Newest migration of schema `accounts` that this software knows. */
const schemaVersion = "0001_accounts";
const connectionsMax = 8;

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
    const client = await noticing(() => pool.connect());
    await checkSchemaVersion(client, "accounts", schemaVersion).finally(() => client.release());
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    run: async (name, text, values = []) =>
      (await noticing(() => pool.query({ name, text, values }))).rows as never,
    transaction: (work) =>
      inTransaction(pool, (transaction) =>
        work(async (name, text, values = []) => [
          ...(await transaction.query<never>({ name, text, values })),
        ]),
      ),
    close: () => pool.end(),
  };
}

async function noticing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isOutage(error) ? new StoreOutageError(error) : error;
  }
}
