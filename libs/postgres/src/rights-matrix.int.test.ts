/** What each role may do with each table, view, sequence and function, against infra/postgres-rights.yaml. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { freshDatabase, withPostgres } from "@hexhold/testing";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { groupRoles, migrate, serviceRoles } from "./migrate.ts";

const infra = path.resolve(import.meta.dirname, "../../../infra");

/** Role → relation, or function, → what it may do with it. */
type Rights = Readonly<Record<string, Readonly<Record<string, string>>>>;

let database: Awaited<ReturnType<typeof freshDatabase>>;
const table = parse(readFileSync(path.join(infra, "postgres-rights.yaml"), "utf8")) as Rights;

beforeAll(async () => {
  database = await freshDatabase();
  await migrate({ adminUrl: database.url, directory: path.join(infra, "pg_migrations") });
});
afterAll(() => database?.drop());

const roles = [...serviceRoles, ...groupRoles];
const verbs = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];
const ours = `NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`;

/** As PostgreSQL itself says, whatever way a right came: by role, membership, PUBLIC or ownership. */
async function rightsIn(client: pg.Client, role: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const rows = async <Row extends pg.QueryResultRow>(text: string, values: unknown[]) =>
    (await client.query<Row>(text, values)).rows;
  const tables = await rows<{ name: string; may: string | null; columns: string | null }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name,
       (SELECT string_agg(verb, ' ' ORDER BY at) FROM unnest($2::text[]) WITH ORDINALITY AS v (verb, at)
        WHERE has_table_privilege($1, c.oid, verb)) AS may,
       (SELECT string_agg(columns, ' ' ORDER BY verb) FROM (
          SELECT verb, format('%s(%s)', verb, string_agg(a.attname, ', ' ORDER BY a.attname)) AS columns
          FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS verb
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          WHERE has_column_privilege($1, c.oid, a.attnum, verb) AND NOT has_table_privilege($1, c.oid, verb)
          GROUP BY verb) AS by_column) AS columns
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname ${ours} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
       -- Partitions are looked at below.
       AND NOT c.relispartition`,
    [role, verbs],
  );
  for (const { name, may, columns } of tables) {
    const all = [may, columns].filter((text) => text !== null).join(" ");
    if (all !== "") found[name] = all;
  }
  const sequences = await rows<{ name: string; may: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name,
       string_agg(verb, ' ' ORDER BY verb) AS may
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     CROSS JOIN unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS verb
     WHERE n.nspname ${ours} AND c.relkind = 'S' AND has_sequence_privilege($1, c.oid, verb)
     GROUP BY 1`,
    [role],
  );
  for (const { name, may } of sequences) found[name] = may;
  const functions = await rows<{ name: string }>(
    `SELECT format('%I.%I()', n.nspname, p.proname) AS name
     FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname ${ours} AND has_function_privilege($1, p.oid, 'EXECUTE')
       -- What a role may not look up it may not call.
       AND has_schema_privilege($1, n.oid, 'USAGE')
     GROUP BY 1`,
    [role],
  );
  for (const { name } of functions) found[name] = "EXECUTE";
  const schemas = await rows<{ name: string; may: string }>(
    `SELECT n.nspname AS name, string_agg(verb, ' ' ORDER BY verb) AS may
     FROM pg_namespace AS n CROSS JOIN unnest(ARRAY['USAGE', 'CREATE']) AS verb
     WHERE n.nspname ${ours} AND n.nspname !~ '^pg_' AND n.nspname <> 'public'
       AND has_schema_privilege($1, n.oid, verb)
     GROUP BY 1`,
    [role],
  );
  for (const { name, may } of schemas) found[name] = may;
  return found;
}

test.each(roles)("%s may do what the table says, and nothing else", async (role) => {
  await withPostgres(database.url, async (client) => {
    expect(await rightsIn(client, role)).toEqual(table[role]);
  });
});

test("nobody goes past a table by its partitions", async () => {
  const found = await withPostgres(database.url, async (client) => {
    await client.query("SELECT world.make_days(2)");
    await client.query("SELECT chat.make_days(2, 1800000000000)");
    const { rows } = await client.query<{ partition: string; role: string | null }>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS partition, r.role
       FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
       LEFT JOIN unnest($1::text[]) AS r (role)
         ON has_any_column_privilege(r.role, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
           OR has_table_privilege(r.role, c.oid, 'DELETE, TRUNCATE, TRIGGER')
       WHERE n.nspname ${ours} AND c.relispartition AND c.relkind IN ('r', 'p')`,
      [roles],
    );
    return rows;
  });
  expect(found.length).toBeGreaterThan(3);
  expect(found.filter(({ role }) => role !== null)).toEqual([]);
});

test("the table has every role, and no other", () => {
  expect(Object.keys(table).toSorted()).toEqual(roles.toSorted());
});
