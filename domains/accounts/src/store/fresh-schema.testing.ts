/** A database of a test's own with every schema in it. */
import path from "node:path";
import { migrate, openPool, type PgPool } from "@hexhold/postgres";
import { freshDatabase, type FreshDatabase } from "@hexhold/testing";
import { type Database, openDatabase } from "./database.ts";

/** `roleUrl` logs in as hexhold_accounts. The giver of `fresh` drops it. */
export async function freshSchema(): Promise<{
  readonly fresh: FreshDatabase;
  readonly roleUrl: string;
}> {
  const fresh = await freshDatabase();
  const directory = path.resolve(import.meta.dirname, "../../../../infra/pg_migrations");
  const { password } = new URL(fresh.url);
  await migrate({ adminUrl: fresh.url, directory, passwordOf: () => decodeURIComponent(password) });
  const url = new URL(fresh.url);
  url.username = "hexhold_accounts";
  return { fresh, roleUrl: url.href };
}

/** {@link freshSchema}, opened as the service does and, to arrange and look, as its administrator. */
export async function openFreshSchema(): Promise<{
  readonly database: Database;
  readonly admin: PgPool;
  readonly roleUrl: string;
  readonly close: () => Promise<void>;
}> {
  const { fresh, roleUrl } = await freshSchema();
  const database = await openDatabase(roleUrl, "test", () => Date.now());
  const admin = openPool({ url: fresh.url, applicationName: "test" }, 2);
  return {
    database,
    admin,
    roleUrl,
    async close() {
      await Promise.all([database.close(), admin.end()]);
      await fresh.drop();
    },
  };
}
