import { bucketOf, diskOf, hexAt } from "@hexhold/hex";
import { openPool, type PgPool } from "@hexhold/postgres";
import type { FreshDatabase } from "@hexhold/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { commitBatch, type CommitRows, type TimerRow } from "../journal/commit-batch.ts";
import { migratedDatabase } from "../journal/world-database.testing.ts";
import { type DueTimer, type SlotTimers, startSlotTimers } from "./slot-timers.ts";

const slot = "cmd.p1";
const hexes = diskOf(hexAt(52.5, 13.4), 20);
let database: FreshDatabase;
let pool: PgPool;
let epoch: bigint;
let nowMs: number;
let fired: DueTimer[];
let timers: SlotTimers | undefined;
let isPublished: boolean;

beforeAll(async () => {
  database = await migratedDatabase();
  pool = openPool({ url: database.url, applicationName: "test" }, 2);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  await pool.query("TRUNCATE world.slot, world.timer");
  const { rows } = await pool.query<{ epoch: string }>(
    "SELECT epoch FROM world.take_slot($1, 0, 'w#1')",
    [slot],
  );
  epoch = BigInt(rows[0]!.epoch);
  nowMs = 1_800_000_000_000;
  fired = [];
  isPublished = true;
});
afterEach(() => {
  timers?.stop();
  timers = undefined;
});

function row(i: number, dueMs?: number, armedVersion = 1): TimerRow {
  const hexId = hexes[i]!;
  const armed = dueMs === undefined ? undefined : { dueMs, armedVersion };
  return { bucket: bucketOf({ hexId, layerId: 0 }), hexId, layerId: 0, timer: "t", armed };
}

/** Stores timers as a commit of the slot does. */
async function store(rows: readonly TimerRow[]): Promise<void> {
  const nothing: CommitRows = { results: [], heads: [], journal: [], outbox: [], timers: rows };
  const client = await pool.connect();
  try {
    await commitBatch(client, { slot, epoch, routeVersion: 0n, rows: nothing });
  } finally {
    client.release();
  }
}

function start(): SlotTimers {
  timers = startSlotTimers({
    slot,
    pool,
    worldNow: () => nowMs,
    fire: (timer) => {
      fired.push(timer);
      return Promise.resolve(isPublished);
    },
    logger: { warn: () => undefined },
  });
  return timers;
}

async function untilFired(count: number): Promise<void> {
  await vi.waitFor(() => expect(fired).toHaveLength(count), { timeout: 3000, interval: 10 });
}

/** Longer than a tick: what is to happen has happened. */
async function aWhile(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 200));
}

it("fires what a predecessor left, when it is due and not before, exactly as it was armed", async () => {
  await store([row(0, nowMs - 1, 7), row(1, nowMs + 1000)]);
  start();
  await untilFired(1);
  await aWhile();
  expect(fired).toEqual([
    { key: { hexId: hexes[0], layerId: 0 }, timer: "t", dueMs: nowMs - 1, armedVersion: 7 },
  ]);
  nowMs += 1000;
  await untilFired(2);
});

it("follows the slot's own commits: armed, armed anew, disarmed", async () => {
  const running = start();
  await aWhile();
  const armed = [row(0, nowMs + 1000), row(1, nowMs + 1000), row(2, nowMs + 1000)];
  await store(armed);
  running.committed(armed);
  const changed = [row(0), row(1, nowMs + 5000, 2)];
  await store(changed);
  running.committed(changed);
  nowMs += 1000;
  await untilFired(1);
  await aWhile();
  expect(fired.map(({ key }) => key.hexId)).toEqual([hexes[2]]);
  nowMs += 4000;
  await untilFired(2);
  expect(fired[1]).toMatchObject({ armedVersion: 2 });
  const { rows } = await pool.query("SELECT armed_version FROM world.timer ORDER BY hex_id");
  expect(rows).toHaveLength(2);
});

it("fires again ever more rarely until a commit has removed it, and at once what could not be published", async () => {
  isPublished = false;
  await store([row(0, nowMs)]);
  start();
  await untilFired(1);
  isPublished = true;
  nowMs += 500;
  await untilFired(2);
  nowMs += 4999;
  await aWhile();
  expect(fired).toHaveLength(2);
  nowMs += 1;
  await untilFired(3);
  nowMs += 9999;
  await aWhile();
  expect(fired).toHaveLength(3);
  nowMs += 1;
  await untilFired(4);
  timers!.committed([row(0)]);
  nowMs += 600_000;
  await aWhile();
  expect(fired).toHaveLength(4);
});

it("learns of what was committed without an answer when everything is read again", async () => {
  const running = start();
  await aWhile();
  await store([row(0, nowMs)]);
  await aWhile();
  expect(fired).toEqual([]);
  running.reread();
  await untilFired(1);
});

it("holds a thousand in memory and reads the later ones when their time comes", async () => {
  const count = 1200;
  await store(Array.from({ length: count }, (_, i) => row(i, nowMs + i)));
  const running = start();
  await vi.waitFor(() => expect(running.size).toBe(1000), { timeout: 3000 });
  const late = row(count, nowMs + count);
  await store([late]);
  running.committed([late]);
  expect(running.size).toBe(1000);
  nowMs += 999;
  await untilFired(1000);
  const done = Array.from({ length: 1000 }, (_, i) => row(i));
  await store(done);
  running.committed(done);
  nowMs += count;
  await untilFired(count + 1);
  expect(new Set(fired.map(({ key }) => key.hexId)).size).toBe(count + 1);
});

it("holds a bounded number also of those that commits arm, and fires all of them in time", async () => {
  const running = start();
  await aWhile();
  // More hexes than there are: several timers each.
  const count = 6000;
  const all = Array.from({ length: count }, (_, i) => ({
    ...row(i % hexes.length, nowMs + 1000 + i),
    timer: `t${Math.floor(i / hexes.length)}`,
  }));
  for (let from = 0; from < count; from += 500) {
    const rows = all.slice(from, from + 500);
    await store(rows);
    running.committed(rows);
    expect(running.size).toBeLessThanOrEqual(2000);
  }
  nowMs += 1000 + count;
  await vi.waitFor(() => expect(fired).toHaveLength(count), { timeout: 10_000, interval: 10 });
  expect(new Set(fired.map(({ key, timer }) => `${key.hexId} ${timer}`)).size).toBe(count);
});

it("reads once more when it is asked to while it reads", async () => {
  const running = start();
  await aWhile();
  // The read sees the table as it was before this lock's owner commits.
  const client = await pool.connect();
  const reads = vi.spyOn(pool, "query");
  try {
    await client.query("BEGIN");
    await client.query("LOCK TABLE world.timer IN ACCESS EXCLUSIVE MODE");
    running.reread();
    running.reread();
    await aWhile();
    expect(reads).toHaveBeenCalledTimes(1);
    await client.query("COMMIT");
    await vi.waitFor(() => expect(reads).toHaveBeenCalledTimes(2), { timeout: 3000, interval: 10 });
    await aWhile();
    expect(reads).toHaveBeenCalledTimes(2);
  } finally {
    reads.mockRestore();
    client.release();
  }
});
