/** The plan of reading an outbox in which much waits: each lane's first rows, by the index, and nothing else. */
import path from "node:path";
import { migrate, openPool, type PgPool } from "@hexhold/postgres";
import { type FreshDatabase, freshDatabase } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Statement } from "./transaction.ts";
import { readHexRows, readOutbox } from "./read-outbox.ts";

const migrations = path.resolve(import.meta.dirname, "../../../infra/pg_migrations");
const rowsMax = 128;
let database: FreshDatabase;
let pool: PgPool;

beforeAll(async () => {
  database = await freshDatabase();
  await migrate({
    adminUrl: database.url,
    directory: migrations,
    schemas: ["world", "inventory"],
    passwordOf: () => decodeURIComponent(new URL(database.url).password),
  });
  pool = openPool({ url: database.url, applicationName: "test" }, 1);
  await pool.query("ALTER TABLE inventory.outbox SET (autovacuum_enabled = false)");
  // A lane in which all waits, and one that began behind it.
  await pool.query(
    `INSERT INTO inventory.outbox (destination, subject, envelope)
     SELECT CASE WHEN n <= 50000 THEN 'router' ELSE 'market' END, 's', decode(repeat('ab', 300), 'hex')
     FROM generate_series(1, 50200) AS n`,
  );
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function read(...resting: string[]): Promise<{ destination: string; position: string }[]> {
  const { text, values } = readOutbox("inventory", rowsMax, resting);
  const { rows } = await pool.query<{ destination: string; position: string }>(text, [
    ...(values ?? []),
  ]);
  return rows.map(({ destination, position }) => ({ destination, position }));
}

it("reads the first rows of each lane that does not rest, in order", async () => {
  const rows = await read();
  const lanes = Map.groupBy(rows, ({ destination }) => destination);
  expect([...lanes].map(([name, lane]) => [name, lane.length])).toEqual([
    ["router", rowsMax],
    ["market", rowsMax],
  ]);
  const positions = rows.map(({ position }) => Number(position));
  expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  expect(positions[0]).toBe(1);
  expect(lanes.get("market")![0]!.position).toBe("50001");
  expect((await read("router")).every(({ destination }) => destination === "market")).toBe(true);
  expect(await read("router", "market")).toEqual([]);
});

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Cond"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

/** Rows of the outbox that a statement of ours touches, by the plan that serves whatever rests. */
async function touched({ text, values = [] }: Statement): Promise<number> {
  const [types, given] = values.length === 0 ? ["", ""] : ["(text[])", "('{}')"];
  await pool.query(`SET plan_cache_mode = force_generic_plan; PREPARE read ${types} AS ${text}`);
  const { rows } = await pool.query<{ "QUERY PLAN": { Plan: PlanNode }[] }>(
    `EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE read ${given}`,
  );
  await pool.query("DEALLOCATE read");
  return nodesOf(rows[0]!["QUERY PLAN"][0]!.Plan)
    .filter((node) => node["Relation Name"] === "outbox")
    .reduce(
      (sum, node) =>
        sum + node["Actual Loops"] * (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)),
      0,
    );
}

it("touches no row but those, on a table that was never analysed and on one that was", async () => {
  // A row for each lane that is found, and the end of them.
  const rowsTouchedMax = 2 * rowsMax + 3;
  const read = () => readOutbox("inventory", rowsMax, []);
  expect(await touched(read())).toBeLessThanOrEqual(rowsTouchedMax);
  await pool.query("ANALYZE inventory.outbox");
  expect(await touched(read())).toBeLessThanOrEqual(rowsTouchedMax);
});

it("touches as many rows for hexes as it reads, however many wait for them or for others", async () => {
  await pool.query(
    `INSERT INTO inventory.outbox (destination, subject, envelope)
     SELECT 'hex', '86754e64fffffff', decode(repeat('ab', 300), 'hex') FROM generate_series(1, 20000) AS n`,
  );
  for (const analyse of ["SELECT 1", "ANALYZE inventory.outbox"]) {
    await pool.query(analyse);
    expect(await touched(readHexRows("inventory", rowsMax))).toBeLessThanOrEqual(rowsMax + 1);
  }
});
