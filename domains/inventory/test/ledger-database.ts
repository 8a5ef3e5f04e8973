/** A database with the schema of the inventory, as its own role sees it. */
import path from "node:path";
import { inTransaction, type Transaction } from "@hexhold/domain";
import { migrate, openPool, type PgPool } from "@hexhold/postgres";
import { freshDatabase } from "@hexhold/testing";

const directory = path.resolve(import.meta.dirname, "../../../infra/pg_migrations");

export interface LedgerDatabase {
  /** Of the role hexhold_inventory. */
  readonly url: string;
  /** Role hexhold_inventory. */
  readonly pool: PgPool;
  readonly admin: PgPool;
  /** One transaction of the service's role, committed at its end. */
  inTransaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export async function openLedgerDatabase(): Promise<LedgerDatabase> {
  const database = await freshDatabase();
  await migrate({
    adminUrl: database.url,
    directory,
    passwordOf: () => decodeURIComponent(new URL(database.url).password),
  });
  const url = new URL(database.url);
  url.username = "hexhold_inventory";
  const pool = openPool({ url: url.href, applicationName: "test" }, 8);
  const admin = openPool({ url: database.url, applicationName: "test" }, 1);
  return {
    url: url.href,
    pool,
    admin,
    inTransaction: (work) => inTransaction(pool, work),
    async close() {
      await Promise.all([pool.end(), admin.end()]);
      await database.drop();
    },
  };
}
