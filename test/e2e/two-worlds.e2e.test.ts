/** Two worlds on one PostgreSQL server, of which each has a database: what the one does the other does not notice. */
import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { connect } from "@hexhold/client";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { type LocalStack, removeDataDir, startLocalStack } from "@hexhold/local-stack";
import { createReferencePlayer } from "@hexhold/reference-client";
import { startWorld, type World, withPostgres } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";

const serverDir = mkdtempSync(path.join(tmpdir(), "hexhold-server-"));
const dirs = ["a", "b"].map(() => mkdtempSync(path.join(tmpdir(), "hexhold-world-")));
let server: LocalStack;

beforeAll(async () => {
  server = await startLocalStack({ dataDir: serverDir, services: ["postgres"], install: false });
  await withPostgres(server.service("postgres").url, async (client) => {
    await client.query("CREATE DATABASE world_0");
    await client.query("CREATE DATABASE world_1");
  });
});
afterAll(async () => {
  await server.stop();
  for (const dir of [serverDir, ...dirs]) removeDataDir(dir);
});

function databaseUrl(n: number): string {
  const url = new URL(server.service("postgres").url);
  url.pathname = `/world_${n}`;
  return url.href;
}

function open(n: number): Promise<World> {
  return startWorld({
    profile: "embedded",
    dataDir: dirs[n]!,
    env: { HEXHOLD_POSTGRES_URL: databaseUrl(n) },
  });
}

/** A player that gathers; every command on connections that are new. */
async function play(world: World, n: number): Promise<void> {
  await withPostgres(databaseUrl(n), async (client) => {
    await client.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
       WHERE datname = current_database() AND usename LIKE 'hexhold%'`,
    );
  });
  const [player] = await world.mint(1);
  const client = await connect({ url: world.status().endpoints.ws, token: player!.token });
  const figure = createReferencePlayer(client);
  expect(await figure.enter()).toMatchObject({ outcome: "applied" });
  expect(await figure.gather(Resource.WOOD, 1n)).toMatchObject({ outcome: "applied" });
  client.close();
}

it("a world is started, killed and restarted beside another, which goes on with what it has", async () => {
  const first = await open(0);
  await play(first, 0);
  let second = await open(1);
  await Promise.all([play(first, 0), play(second, 1)]);
  await second.killHost();
  await play(first, 0);
  second = await open(1);
  await Promise.all([play(first, 0), play(second, 1)]);
  await first.stop();
  await play(second, 1);
  await second.stop();
  const idOf = (n: number): Promise<unknown> =>
    withPostgres(
      databaseUrl(n),
      async (client) =>
        (await client.query("SELECT world_id FROM control.world")).rows[0] as unknown,
    );
  expect(await idOf(0)).not.toEqual(await idOf(1));
});

async function hexctl(...args: string[]): Promise<string> {
  const root = path.resolve(import.meta.dirname, "../..");
  const env = { ...process.env, HEXHOLD_DATA_DIR: dirs[0]! };
  const command = [path.join(root, "hexctl/src/main.ts"), ...args];
  const run = promisify(execFile)(process.execPath, command, { cwd: root, env });
  return run.then(
    ({ stdout }) => stdout,
    (error: { stderr: string }) => error.stderr,
  );
}

const uuidsOf = (text: string): string[] => [...text.matchAll(/[0-9a-f-]{36}/g)].map(([id]) => id);

it("a new history is begun while the world rests and not before, and the world goes on in it", async () => {
  const at = ["--postgres-url", databaseUrl(0)];
  const world = await open(0);
  const [worldId, historyId] = uuidsOf(await hexctl("history"));
  expect(world.status()).toMatchObject({ world: { worldId, historyId } });
  expect(await hexctl("history", "begin")).toMatch(/is in use by another host|The world runs/);
  expect(uuidsOf(await hexctl("history"))).toEqual([worldId, historyId]);
  await world.stop();
  const said = await hexctl("history", "begin", ...at);
  const [sameWorld, newHistory, left] = uuidsOf(said);
  expect([sameWorld, left]).toEqual([worldId, historyId]);
  expect(said).toMatch(/\d+ messages are sent again/);
  expect(uuidsOf(await hexctl("history", ...at))).toEqual([worldId, newHistory]);
  expect(newHistory).not.toBe(historyId);
  const again = await open(0);
  expect(again.status()).toMatchObject({ world: { worldId, historyId: newHistory } });
  await play(again, 0);
  await again.stop();
});
