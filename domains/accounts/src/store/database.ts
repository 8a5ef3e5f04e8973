import { inTransaction, StoreOutageError } from "@hexhold/domain";
import {
  checkSchemaVersion,
  isOutage,
  openPool,
  type OutboxPlaceName,
  unsentStatement,
} from "@hexhold/postgres";

/** Newest migration of schema `accounts` that this software knows. */
const schemaVersion = "0002_sessions";
const connectionsMax = 8;

/**
 * Runs one named statement; `:now` in it is world time, as the server's clock may be set: what expires, is due or is
 * silent must not follow from that. Rejects with {@link StoreOutageError}, or with the server's refusal. */
export type RunStatement = <Row>(name: string, text: string, values?: unknown[]) => Promise<Row[]>;

export interface Database {
  readonly run: RunStatement;
  /** All or nothing of what `work` runs. */
  transaction<T>(work: (run: RunStatement) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Opens the schema as role hexhold_accounts. Rejects when it is older or newer than this software.
 * @param worldNow Unix milliseconds.
 */
export async function openDatabase(
  postgresUrl: string,
  instance: string,
  worldNow: () => number,
): Promise<Database> {
  const statement = (name: string, text: string, values: readonly unknown[]) =>
    text.includes(":now")
      ? {
          name,
          text: text.replaceAll(":now", `to_timestamp($${values.length + 1}::float8 / 1000)`),
          values: [...values, worldNow()],
        }
      : { name, text, values: [...values] };
  const pool = openPool(
    { url: postgresUrl, applicationName: `accounts:${instance}` },
    connectionsMax,
  );
  try {
    await noticing(async () => {
      const client = await pool.connect();
      // What fails on it meanwhile, its query tells.
      client.on("error", () => undefined);
      await checkSchemaVersion(client, "accounts", schemaVersion).finally(() => client.release());
    });
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    run: async (name, text, values = []) =>
      (await noticing(() => pool.query(statement(name, text, values)))).rows as never,
    transaction: (work) =>
      inTransaction(pool, (transaction) =>
        work(async (name, text, values = []) => [
          ...(await transaction.query<never>(statement(name, text, values))),
        ]),
      ),
    close: () => pool.end(),
  };
}

/**
 * Whether a commit of this database has sent what lies at `place`, as a message says that was sent in `life`. Rejects with
 * {@link StoreOutageError}.
 */
export async function isSent(
  database: Pick<Database, "run">,
  life: bigint,
  place: OutboxPlaceName,
): Promise<boolean> {
  const { name, text, values } = unsentStatement(life, "accounts", [place]);
  const [row] = await database.run<{ unsent: string[] }>(name, text, values);
  return row?.unsent.length === 0;
}

async function noticing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isOutage(error) ? new StoreOutageError(error) : error;
  }
}
