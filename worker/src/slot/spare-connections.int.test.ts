import { freshDatabase, type FreshDatabase } from "@hexhold/testing";
import { openConnection, type PgClient } from "@hexhold/postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createSpareConnections } from "./spare-connections.ts";

let database: FreshDatabase;
let admin: PgClient;

beforeAll(async () => {
  database = await freshDatabase();
  admin = await openConnection({ url: database.url, applicationName: "test" });
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

async function sessions(name: string): Promise<number[]> {
  const { rows } = await admin.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()",
    [name],
  );
  return rows.map(({ pid }) => pid);
}

it("hands out open connections under the name that is asked for, and opens others in their place", async () => {
  const spares = createSpareConnections(database.url, 2);
  await spares.fill();
  const before = await sessions("worker-spare");
  expect(before).toHaveLength(2);
  let lost = 0;
  const client = await spares.connect("worker:w:7", () => lost++);
  const [pid] = await sessions("worker:w:7");
  expect(before).toContain(pid);
  await expect.poll(async () => (await sessions("worker-spare")).length, { timeout: 5000 }).toBe(2);
  // More at once than there are.
  const more = await Promise.all(
    [8, 9, 10].map((n) => spares.connect(`worker:w:${n}`, () => lost++)),
  );
  for (const each of more) expect((await each.query("SELECT 1")).rowCount).toBe(1);
  await admin.query("SELECT pg_terminate_backend($1)", [pid]);
  await expect.poll(() => lost).toBe(1);
  spares.stop();
  await Promise.all([client, ...more].map((each) => each.end().catch(() => undefined)));
});

it("warms each one up before it counts as spare", async () => {
  const spares = createSpareConnections(database.url, 1, async (client) => {
    await client.query({ name: "warm", text: "SELECT 1" });
  });
  await spares.fill();
  const client = await spares.connect("worker:w:2", () => undefined);
  const { rows } = await client.query("SELECT name FROM pg_prepared_statements");
  expect(rows).toEqual([{ name: "warm" }]);
  spares.stop();
  await client.end();
});

it("keeps no connection that could not be warmed up", async () => {
  const spares = createSpareConnections(database.url, 2, async (client) => {
    await client.query("SELECT 1 / 0");
  });
  await expect(spares.fill()).rejects.toThrow("division by zero");
  await expect.poll(() => sessions("worker-spare"), { timeout: 5000 }).toEqual([]);
  spares.stop();
});

it("does not hand out one that the server has closed meanwhile", async () => {
  const spares = createSpareConnections(database.url, 2);
  await spares.fill();
  for (const pid of await sessions("worker-spare")) {
    await admin.query("SELECT pg_terminate_backend($1)", [pid]);
  }
  const client = await spares.connect("worker:w:1", () => undefined);
  expect((await client.query("SELECT 1")).rowCount).toBe(1);
  spares.stop();
  await client.end();
});
