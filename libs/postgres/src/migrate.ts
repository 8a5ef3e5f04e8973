/**
 * Schemas and roles. Everything runs as `hexhold_owner`, one schema after another, under an advisory lock,
 * before anything starts.
 */
import { readdirSync } from "node:fs";
import path from "node:path";
import { runner } from "node-pg-migrate";
import pg from "pg";

/** Reads what `hexctl verify` and `hexctl saga` compare. */
export const auditorRole = "hexhold_auditor";
/** Moderators: each has a login of its own that is a member of it. */
export const supportRole = "hexhold_support";
/** Roles that nobody logs in as: people are members of them. */
export const groupRoles = [supportRole] as const;
/** Roles of the services, and two for people; what each may do stands in infra/postgres-rights.yaml. */
export const serviceRoles = [
  "hexhold_worker",
  "hexhold_router",
  "hexhold_inventory",
  "hexhold_market",
  "hexhold_governance",
  "hexhold_chat",
  "hexhold_accounts",
  "hexhold_readonly",
  auditorRole,
] as const;
export const ownerRole = "hexhold_owner";

export interface MigrateOptions {
  /** A superuser, or a member of `hexhold_owner` that may create roles. */
  readonly adminUrl: string;
  /** Folder with one folder a schema, of numbered `.sql` files. */
  readonly directory: string;
  /** Password that service roles, or their logins, get; undefined leaves them as they are. */
  readonly passwordOf?: (role: string) => string | undefined;
  /**
   * Roles belong to the server, not to the database: with this the services of this world log in under names of their
   * own ({@link loginOf}), which are members of the service roles, and a second world on the server changes no
   * password of the first. 1 to 16 lower-case letters and digits. Default: they log in as the service roles.
   */
  readonly loginSuffix?: string;
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
    const schemas = options.schemas ?? schemasOf(options.directory);
    for (const schema of schemas) await refuseNewerSchema(client, options.directory, schema);
    await makeRoles(client, options);
    const applied: string[] = [];
    for (const schema of schemas) {
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

/** Before anything is written: a database of a newer release holds migrations that this one does not know. */
async function refuseNewerSchema(
  client: pg.Client,
  directory: string,
  schema: string,
): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(
    "SELECT to_regclass($1) IS NOT NULL AS there",
    [`"${schema}".schema_migration`],
  );
  if (rows[0]?.there !== true) return;
  const applied = await client.query<{ name: string }>(
    `SELECT name FROM "${schema}".schema_migration ORDER BY id`,
  );
  const known = readdirSync(path.join(directory, schema)).map((file) => path.parse(file).name);
  const newest = known.toSorted().at(-1) ?? "no version";
  const unknown = applied.rows.find(({ name }) => !known.includes(name) && name > newest);
  if (unknown !== undefined) throw new SchemaVersionError(schema, unknown.name, newest);
}

/** Names of the schemas that have migrations. */
function schemasOf(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Name under which the services of one world log in as `role`. */
export function loginOf(role: string, loginSuffix: string): string {
  if (!/^[a-z0-9]{1,16}$/.test(loginSuffix)) {
    throw new RangeError(`${JSON.stringify(loginSuffix)} is no suffix of a login`);
  }
  return `${role}_${loginSuffix}`;
}

async function makeRoles(
  client: pg.Client,
  { passwordOf, loginSuffix, onProgress }: Omit<MigrateOptions, "adminUrl" | "directory">,
): Promise<void> {
  for (const role of [ownerRole, ...groupRoles]) await makeRole(client, role, "NOLOGIN");
  await logStatements(client, onProgress);
  for (const role of serviceRoles) {
    await makeRole(client, role, "LOGIN");
    const password = passwordOf?.(role);
    if (password === undefined) continue;
    const login = loginSuffix === undefined ? role : loginOf(role, loginSuffix);
    if (login !== role) {
      await makeRole(client, login, "LOGIN");
      await changeRole(client, `GRANT ${role} TO ${login}`);
    }
    await changeRole(client, `ALTER ROLE ${login} PASSWORD ${client.escapeLiteral(password)}`);
  }
  await changeRole(client, `GRANT ${ownerRole} TO CURRENT_USER`);
  await client.query(
    `DO $$ BEGIN EXECUTE format('GRANT CREATE, CONNECT ON DATABASE %I TO ${ownerRole}', current_database()); END $$`,
  );
}

/**
 * Statements of moderators are logged. A setting of a role is none of its members: each of them has it. Only a superuser may
 * set it, and nobody else may end it.
 */
async function logStatements(
  client: pg.Client,
  onProgress: MigrateOptions["onProgress"],
): Promise<void> {
  const { rows } = await client.query<{ role: string; is_set: boolean }>(
    `SELECT r.rolname AS role, 'log_statement=all' = ANY (coalesce(s.setconfig, '{}')) AS is_set
     FROM pg_roles AS r LEFT JOIN pg_db_role_setting AS s ON s.setrole = r.oid AND s.setdatabase = 0
     WHERE r.rolname = $1 OR EXISTS (SELECT 1 FROM pg_auth_members AS m
       WHERE m.member = r.oid AND m.roleid = (SELECT g.oid FROM pg_roles AS g WHERE g.rolname = $1))
     ORDER BY r.rolname`,
    [supportRole],
  );
  for (const { role } of rows.filter(({ is_set: isSet }) => !isSet)) {
    try {
      await changeRole(
        client,
        `ALTER ROLE ${client.escapeIdentifier(role)} SET log_statement = 'all'`,
      );
    } catch (error) {
      if ((error as { code?: string }).code !== "42501") throw error;
      onProgress?.(
        `statements of ${role} are not logged: a superuser must ALTER ROLE ${role} SET log_statement = 'all'`,
      );
    }
  }
}

async function makeRole(
  client: pg.Client,
  role: string,
  login: "LOGIN" | "NOLOGIN",
): Promise<void> {
  const { rowCount } = await client.query("SELECT 1 FROM pg_roles WHERE rolname = $1", [role]);
  if (rowCount !== 0) return;
  // Somebody else may have made it since: roles belong to the server, not to the database.
  await client.query(`CREATE ROLE ${role} ${login}`).catch((error: { code?: string }) => {
    if (error.code !== "42710" && error.code !== "23505") throw error;
  });
}

/** Roles belong to the server: a migration of another of its databases may be changing them, too. */
async function changeRole(client: pg.Client, statement: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(statement);
      return;
    } catch (error) {
      // XX000 is "tuple concurrently updated", 23505 a membership that was granted at the same time.
      const { code } = error as { code?: string };
      if ((code !== "XX000" && code !== "23505") || attempt === 10) throw error;
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
