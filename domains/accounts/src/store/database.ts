import { inTransaction, type Statement, StoreOutageError, type Transaction } from "@hexhold/domain";
import { checkSchemaVersion, isOutage, openPool } from "@hexhold/postgres";

/** Newest migration of schema `accounts` that this software knows. */
const schemaVersion = "0007_told_chat";
const connectionsMax = 8;

/**
 * Runs one named statement; `:now` in it is world time, as the server's clock may be set: what expires, is due or is
 * silent must not follow from that. Rejects with {@link StoreOutageError}, or with the server's refusal. */
export type RunStatement = <Row>(name: string, text: string, values?: unknown[]) => Promise<Row[]>;

/** Where statements run: each by itself, or all of them in one transaction. */
export interface Store {
  readonly run: RunStatement;
  /** All or nothing of what `work` runs. */
  transaction<T>(work: (run: RunStatement) => Promise<T>): Promise<T>;
}

export interface Database extends Store {
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
  const statement = statementsOf(worldNow);
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
      inTransaction(pool, (transaction) => work(storeIn(transaction, worldNow).run)),
    close: () => pool.end(),
  };
}

/** Statements in a transaction that is open already: a transaction of theirs is that one. */
export function storeIn(transaction: Transaction, worldNow: () => number): Store {
  const statement = statementsOf(worldNow);
  const run: RunStatement = async (name, text, values = []) => [
    ...(await transaction.query<never>(statement(name, text, values))),
  ];
  return { run, transaction: (work) => work(run) };
}

function statementsOf(worldNow: () => number) {
  return (name: string, text: string, values: readonly unknown[]) => {
    if (!text.includes(":now")) return { name, text, values: [...values] } satisfies Statement;
    const now = `to_timestamp($${values.length + 1}::float8 / 1000)`;
    return { name, text: text.replaceAll(":now", now), values: [...values, worldNow()] };
  };
}

async function noticing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isOutage(error) ? new StoreOutageError(error) : error;
  }
}
