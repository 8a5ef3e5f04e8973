/** A migrated database for tests of the schema. */
import path from "node:path";
import { migrate } from "@hexhold/postgres";
import { freshDatabase, type FreshDatabase } from "@hexhold/testing";

const directory = path.resolve(import.meta.dirname, "../../../infra/pg_migrations");

export async function migratedDatabase(): Promise<FreshDatabase> {
  const database = await freshDatabase();
  await migrate({ adminUrl: database.url, directory, schemas: ["world"] });
  return database;
}
