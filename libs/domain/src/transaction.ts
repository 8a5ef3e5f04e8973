/** Transactions of a domain service, and which of their failures are the store's and which the work's. */
import { isOutage, type PgClient, type PgPool } from "@hexhold/postgres";

/** PostgreSQL cannot be used now. Whether an open transaction was committed is not known. */
export class StoreOutageError extends Error {
  readonly code = "STORE_OUTAGE";
  constructor(cause: unknown) {
    super(`PostgreSQL cannot be used now: ${(cause as Error).message}`, { cause });
    this.name = "StoreOutageError";
  }
}

/** A statement with a name is prepared once for each connection. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** An open transaction, as handlers see it: they never commit. */
export interface Transaction {
  /** Rejects with the driver's error; the transaction is void then, whatever its caller makes of it. */
  query<Row>(statement: Statement): Promise<readonly Row[]>;
  /** `effect` is run when the transaction is committed, and only then. It never throws. */
  onCommit(effect: () => void): void;
}

/**
 * Runs `work` in a transaction (READ COMMITTED) and commits. Rejects with {@link StoreOutageError} when the store
 * is away or has gone away meanwhile, else with what `work` or the commit failed with: then nothing of it was stored.
 */
export async function inTransaction<T>(
  pool: PgPool,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw new StoreOutageError(error);
  });
  let lost: { readonly cause: unknown } | undefined;
  // An unheard `error` of a client that was taken from the pool ends the process.
  const onError = (cause: unknown): void => void (lost ??= { cause });
  client.on("error", onError);
  const query = async <Row>({ name, text, values }: Statement): Promise<readonly Row[]> => {
    try {
      const result = await client.query({
        ...(name === undefined ? {} : { name }),
        text,
        values: [...(values ?? [])],
      });
      return result.rows as Row[];
    } catch (error) {
      if (isOutage(error)) lost ??= { cause: error };
      throw error;
    }
  };
  const effects: (() => void)[] = [];
  try {
    await query({ text: "BEGIN" });
    const value = await work({ query, onCommit: (effect) => void effects.push(effect) });
    await commit(client);
    for (const effect of effects) effect();
    return value;
  } catch (error) {
    if (isOutageOf(error)) lost ??= { cause: error };
    if (lost === undefined) {
      await client.query("ROLLBACK").catch((cause: unknown) => (lost ??= { cause }));
    }
    throw lost === undefined ? error : new StoreOutageError(lost.cause);
  } finally {
    client.off("error", onError);
    client.release(lost !== undefined);
  }
}

/** Marks what only the commit can fail with, so that an error of `work` without a SQLSTATE is no outage. */
class CommitError extends Error {}

function isOutageOf(error: unknown): boolean {
  return error instanceof CommitError && isOutage(error.cause);
}

async function commit(client: Pick<PgClient, "query">): Promise<void> {
  let command: string;
  try {
    ({ command } = await client.query("COMMIT"));
  } catch (error) {
    if (isOutage(error)) throw new CommitError("the commit was not answered", { cause: error });
    throw error;
  }
  // After a statement that failed, PostgreSQL answers COMMIT with a rollback and no error.
  if (command !== "COMMIT") {
    throw new Error("nothing was committed: a statement had failed, and its error was swallowed");
  }
}
