/** What `hexctl status` and `hexctl doctor` say of a world in which something is wrong. */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { startWorld, warningsOf, type World, withPostgres } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
let world: World;

beforeAll(async () => {
  world = await startWorld({ profile: "cluster" });
});
afterAll(() => world?.stop());

async function hexctl(command: string): Promise<{ readonly code: number; readonly text: string }> {
  const env = { ...process.env, HEXHOLD_DATA_DIR: world.dataDir };
  const args = [path.join(root, "hexctl/src/main.ts"), command];
  const run = promisify(execFile)(process.execPath, args, { cwd: root, env });
  return run.then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: { code: number; stdout: string }) => ({ code: error.code, text: error.stdout }),
  );
}

const warnings = async (): Promise<string[]> => (await warningsOf(world)).map(({ code }) => code);

const sql = (text: string): Promise<unknown> =>
  withPostgres(world.status().services["postgres"]!.url, (client) => client.query(text));

it("all is well in a world that has just started", async () => {
  await expect.poll(warnings, { timeout: 10_000 }).toEqual([]);
  expect((await hexctl("doctor")).text).toContain("nothing waits for an operator");
});

it("dead letters and quarantined hexes are told, and leave the world ready", async () => {
  await sql(
    `INSERT INTO control.dead_letter (event_id, dead_at, slot, worker, type, envelope, error, attempts)
     VALUES (gen_random_uuid(), now(), 'cmd.p0', 'worker-1', 'cmd.hex.gather', '', 'a bad rule', 5)`,
  );
  await sql(
    `INSERT INTO world.quarantined_hex (bucket, hex_id, layer_id, reason)
     VALUES (0, x'861f1d48fffffff'::bigint, 0, 'a hole in its journal')`,
  );
  for (const command of ["status", "doctor"]) {
    const { text } = await hexctl(command);
    expect(text).toMatch(/1 dead letter waits; the last one is cmd\.hex\.gather: a bad rule/);
    expect(text).toMatch(/861f1d48fffffff \(a hole in its journal\)/);
    expect(text).toMatch(/hexctl hex KEY/);
  }
  expect((await fetch(`${world.status().endpoints.admin}/readyz`)).status).toBe(200);
});

it("a process that cannot log in is named with that reason, and passwords are not", async () => {
  const { rows } = await withPostgres(world.status().services["postgres"]!.url, (client) =>
    client.query<{ name: string }>(
      "SELECT rolname AS name FROM pg_roles WHERE rolname LIKE 'hexhold_worker%' AND rolcanlogin",
    ),
  );
  for (const { name } of rows) await sql(`ALTER ROLE "${name}" PASSWORD 'another one'`);
  process.kill(world.pidOf("worker-1"), "SIGKILL");
  const reason = /worker-1 keeps ending .*PostgreSQL refuses the password, or has no such user/;
  await expect.poll(async () => (await hexctl("status")).text, { timeout: 30_000 }).toMatch(reason);
  const doctor = await hexctl("doctor");
  expect(doctor.code).toBe(1);
  expect(doctor.text).toMatch(reason);
  expect(doctor.text).toMatch(/HEXHOLD_POSTGRES_URL/);
  for (const { url } of Object.values(world.status().services)) {
    const { password } = new URL(url);
    if (password !== "") expect(doctor.text).not.toContain(password);
  }
  expect(await warnings()).toContain("slots-unserved");
  const ready = await fetch(`${world.status().endpoints.admin}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.text()).toContain("nobody serves");
});
