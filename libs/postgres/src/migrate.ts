/**
 * Schemas and roles. Everything runs as `hexhold_owner`, one schema after another, under an advisory lock,
 * before anything starts.
 */
import { readdirSync } from "node:fs";
import path from "node:path";
import { runner } from "node-pg-migrate";
import pg from "pg";

/** Login roles with their schema; each may use its own schema only. */
export const serviceRoles = [
  "hexhold_worker",
  "hexhold_router",
  "hexhold_inventory",
  "hexhold_accounts",
  "hexhold_readonly",
] as const;
export const ownerRole = "hexhold_owner";

export interface MigrateOptions {
  /** A superuser, or a member of `hexhold_owner` that may create roles. */
  readonly adminUrl: string;
  /** Folder with one folder a schema, of numbered `.sql` files. */
  readonly directory: string;
  /** Password that service roles get; undefined leaves them as they are. */
  readonly passwordOf?: (role: string) => string | undefined;
  /** Schemas in order; default: every folder, by name. */
  readonly schemas?: readonly string[];
  readonly onProgress?: (line: string) => void;
}

/** Any number of migrations of a world may start at once: one runs, the others wait. */
const lockId = 0x4845_5848;

/** Brings every schema to the newest version. Returns the migrations that were applied, as `schema/name`. */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const client = new pg.Client({
    connectionString: options.adminUrl,
    application_name: "hexctl:migrate",
    connectionTimeoutMillis: 10_000,
  });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("SELECT pg_advisory_lock($1)", [lockId]);
    await makeRoles(client, options.passwordOf);
    const applied: string[] = [];
    for (const schema of options.schemas ?? schemasOf(options.directory)) {
      await client.query(`CREATE SCHEMA IF NOT EXISTS "${schema}" AUTHORIZATION ${ownerRole}`);
      await client.query(`SET ROLE ${ownerRole}`);
      const run = await runner({
        dbClient: client,
        dir: path.join(options.directory, schema),
        schema,
        migrationsSchema: schema,
        migrationsTable: "schema_migration",
        direction: "up",
        // The lock above covers all schemas.
        noLock: true,
        log: () => undefined,
      });
      await client.query("RESET ROLE");
      for (const { name } of run) {
        applied.push(`${schema}/${name}`);
        options.onProgress?.(`applied ${schema}/${name}`);
      }
    }
    return applied;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Names of the schemas that have migrations. */
function schemasOf(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

async function makeRoles(
  client: pg.Client,
  passwordOf: MigrateOptions["passwordOf"],
): Promise<void> {
  for (const role of [ownerRole, ...serviceRoles]) {
    const { rowCount } = await client.query("SELECT 1 FROM pg_roles WHERE rolname = $1", [role]);
    if (rowCount === 0) {
      const login = role === ownerRole ? "NOLOGIN" : "LOGIN";
      // Somebody else may have made it since: roles belong to the server, not to the database.
      await client.query(`CREATE ROLE ${role} ${login}`).catch((error: { code?: string }) => {
        if (error.code !== "42710" && error.code !== "23505") throw error;
      });
    }
    const password = role === ownerRole ? undefined : passwordOf?.(role);
    if (password !== undefined) {
      await setPassword(client, role, password);
    }
  }
  await client.query(`GRANT ${ownerRole} TO CURRENT_USER`);
  await client.query(
    `DO $$ BEGIN EXECUTE format('GRANT CREATE, CONNECT ON DATABASE %I TO ${ownerRole}', current_database()); END $$`,
  );
}

/** Roles belong to the server: a migration of another of its databases may be setting them, too. */
async function setPassword(client: pg.Client, role: string, password: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(`ALTER ROLE ${role} PASSWORD ${client.escapeLiteral(password)}`);
      return;
    } catch (error) {
      // XX000 is "tuple concurrently updated".
      if ((error as { code?: string }).code !== "XX000" || attempt === 10) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20 * attempt));
    }
  }
}

/** The schema of the database is not one that this software can work with. */
export class SchemaVersionError extends Error {
  readonly code = "SCHEMA_VERSION";
  constructor(schema: string, found: string, expected: string) {
    super(
      `schema ${schema} is at ${found}, this software needs ${expected}; ` +
        (found < expected ? "run hexctl migrate" : "start a newer version of the software"),
    );
    this.name = "SchemaVersionError";
  }
}

/** Throws {@link SchemaVersionError} unless the newest applied migration of `schema` is `expected`. */
export async function checkSchemaVersion(
  client: Pick<pg.Client, "query">,
  schema: string,
  expected: string,
): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM "${schema}".schema_migration ORDER BY id DESC LIMIT 1`,
  );
  const found = rows[0]?.name ?? "no version";
  if (found !== expected) throw new SchemaVersionError(schema, found, expected);
}
