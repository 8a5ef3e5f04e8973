import { randomBytes } from "node:crypto";
import { createMessageRegistry, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { openConnection, type PgClient } from "@hexhold/postgres";
import { createGame } from "@hexhold/reference-game";
import type { FreshDatabase } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { migratedDatabase } from "../journal/world-database.testing.ts";
import { createInlineRulesHost } from "../rules/rules-hosts/inline.ts";
import { warmUp, type WarmUpReport } from "./warm-up.ts";

const game = createGame({});
let database: FreshDatabase;
let admin: PgClient;

beforeAll(async () => {
  database = await migratedDatabase();
  admin = await openConnection({ url: database.url, applicationName: "test-admin" });
});

afterAll(async () => {
  await admin.end();
  await database.drop();
});

function run(msMax: number, signal = new AbortController().signal): Promise<WarmUpReport> {
  return warmUp({
    game,
    ports: {
      registry: createMessageRegistry(game.descriptors),
      stateFormat: 1,
      rules: createInlineRulesHost(game, {
        random: () => randomBytes(16),
        world: { bounds: [], layers: [0] },
      }),
      loadSnapshots: () => Promise.resolve(new Map()),
      leaseTtlMs: 10_000,
      staleAfterMs: 3_600_000,
      identity: {
        service: "worker",
        version: "1",
        instance: "worker-1",
        incarnation: uuidText(uuidv7Bytes()),
      },
    },
    connect: () => openConnection({ url: database.url, applicationName: "worker-warm-up" }),
    msMax,
    signal,
  });
}

async function rowsLeft(): Promise<number> {
  const { rows } = await admin.query<{ n: string }>(
    `SELECT (SELECT count(*) FROM world.slot) + (SELECT count(*) FROM world.journal)
       + (SELECT count(*) FROM world.hex_head) + (SELECT count(*) FROM world.command_result)
       + (SELECT count(*) FROM world.outbox) AS n`,
  );
  return Number(rows[0]?.n);
}

it("decides and commits as for players, round after round, and leaves nothing behind", async () => {
  const report = await run(1000);
  expect(report.commands).toBeGreaterThan(400);
  // What is refused warms nothing.
  expect(report.applied).toBe(report.commands);
  // Whether it gets faster by it, a machine that others use too cannot be asked.
  expect(report.lastMs).toBeGreaterThan(0);
  expect(await rowsLeft()).toBe(0);
  const { rows } = await admin.query(
    "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'worker%' AND datname = current_database()",
  );
  expect(rows).toEqual([]);
});

it("ends as soon as it is told to", async () => {
  const stopping = new AbortController();
  const startedMs = performance.now();
  setTimeout(() => stopping.abort(), 100);
  await run(60_000, stopping.signal);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  expect(await rowsLeft()).toBe(0);
});

it("does not wait for another that warms up at the same time", async () => {
  const reports = await Promise.all([run(700), run(700), run(700)]);
  for (const { applied, commands } of reports) {
    expect(commands).toBeGreaterThan(0);
    expect(applied).toBe(commands);
  }
});

it("is given up when the store keeps it waiting", async () => {
  await admin.query("BEGIN");
  await admin.query("LOCK TABLE world.journal IN EXCLUSIVE MODE");
  try {
    await expect(run(200)).rejects.toThrow(/it has lasted|its slot has ended/);
  } finally {
    await admin.query("ROLLBACK");
  }
  expect(await rowsLeft()).toBe(0);
});
