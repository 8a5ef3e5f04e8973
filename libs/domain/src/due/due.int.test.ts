import { setTimeout as pause } from "node:timers/promises";
import { uuidv7Bytes } from "@hexhold/messaging";
import { openPool, type PgPool } from "@hexhold/postgres";
import { createLogger } from "@hexhold/telemetry";
import { freshDatabase, openStoreProxy, type StoreProxy } from "@hexhold/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inTransaction, type Transaction } from "../transaction.ts";
import { noWork } from "../work.ts";
import { createDueStore, type DueTimer } from "./due-store.ts";
import { type DueRunner, startDueRunner } from "./run-due.ts";

const store = createDueStore("house");
const logger = createLogger({ service: "house", instance: "test", level: "silent" });

let database: Awaited<ReturnType<typeof freshDatabase>>;
let proxy: StoreProxy;
let pool: PgPool;
let admin: PgPool;
let runners: DueRunner[];
let nowMs: number;
let failed: string[];
let handle: (transaction: Transaction, timers: readonly DueTimer[]) => Promise<void>;

const hexOf = (id: Uint8Array): string => Buffer.from(id).toString("hex");
const noteIn = (transaction: Transaction, timers: readonly DueTimer[]) =>
  transaction.query({
    text: "INSERT INTO house.effect (id) SELECT unnest($1::uuid[])",
    values: [timers.map(({ id }) => hexOf(id))],
  });

beforeEach(async () => {
  database = await freshDatabase();
  proxy = await openStoreProxy(database.url);
  admin = openPool({ url: database.url, applicationName: "test" }, 2);
  pool = openPool({ url: proxy.urlOf(database.url), applicationName: "house" }, 4);
  await admin.query(`CREATE SCHEMA house;
    CREATE TABLE house.due (kind text, id uuid, due_at timestamptz NOT NULL, failures int NOT NULL DEFAULT 0,
      PRIMARY KEY (kind, id));
    CREATE INDEX due_next ON house.due (kind, due_at);
    CREATE TABLE house.effect (nth bigserial, id uuid)`);
  runners = [];
  failed = [];
  nowMs = 1_700_000_000_000;
  handle = async (transaction, timers) => void (await noteIn(transaction, timers));
});

afterEach(async () => {
  proxy.setAway(false);
  await Promise.all(runners.map((runner) => runner.stop()));
  await Promise.all([pool.end(), admin.end()]);
  await proxy.close();
  await database.drop();
});

function start(): void {
  runners.push(
    startDueRunner({
      pool,
      store,
      handlers: [{ kind: "ask", handle: (transaction, timers) => handle(transaction, timers) }],
      newWork: () => noWork,
      worldNow: () => nowMs,
      logger,
      onHandled: () => undefined,
      counted: (work) => work(),
      onFailed: (kind) => void failed.push(kind),
    }),
  );
}

const arm = (ids: readonly Uint8Array[], dueMs = nowMs): Promise<void> =>
  inTransaction(pool, (transaction) =>
    store.arm(
      transaction,
      "ask",
      ids.map((id) => ({ id, dueMs })),
    ),
  );

async function effects(): Promise<string[]> {
  const { rows } = await admin.query<{ id: string }>("SELECT id FROM house.effect ORDER BY nth");
  return rows.map(({ id }) => id.replaceAll("-", ""));
}

const idsOf = (count: number): Uint8Array[] => Array.from({ length: count }, () => uuidv7Bytes());

test("each timer is handled once, however many instances look", async () => {
  const ids = idsOf(1000);
  await arm(ids);
  for (let n = 0; n < 3; n++) start();
  await expect.poll(async () => (await effects()).length, { timeout: 20_000 }).toBe(1000);
  await pause(400);
  expect((await effects()).toSorted()).toEqual(ids.map(hexOf).toSorted());
});

test("none is handled before its time, nor one that was disarmed; one that is armed anew has the new time", async () => {
  const [first, second, third] = idsOf(3) as [Uint8Array, Uint8Array, Uint8Array];
  await arm([first, second, third], nowMs + 1_000);
  await arm([second], nowMs + 5_000);
  await inTransaction(pool, (transaction) => store.disarm(transaction, "ask", [third]));
  start();
  await pause(600);
  expect(await effects()).toEqual([]);
  nowMs += 1_000;
  await expect.poll(effects).toEqual([hexOf(first)]);
  nowMs += 4_000;
  await expect.poll(effects).toEqual([hexOf(first), hexOf(second)]);
});

test("what a handler arms itself, in the same transaction, comes again", async () => {
  const [id] = idsOf(1) as [Uint8Array];
  let times = 0;
  handle = async (transaction, timers) => {
    await noteIn(transaction, timers);
    const next = timers.map((timer) => ({ id: timer.id, dueMs: timer.dueMs + 10_000 }));
    if (++times < 3) await store.arm(transaction, "ask", next);
  };
  await arm([id]);
  start();
  for (const count of [1, 2, 3]) {
    await expect.poll(async () => (await effects()).length).toBe(count);
    nowMs += 10_000;
  }
  const { rows } = await admin.query("SELECT 1 FROM house.due");
  expect(rows).toEqual([]);
});

test("a connection that is ended while a timer is handled leaves no half of it, and it comes again", async () => {
  const ids = idsOf(3);
  let isFirst = true;
  handle = async (transaction, timers) => {
    await noteIn(transaction, timers);
    if (!isFirst) return;
    isFirst = false;
    await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'house' AND state <> 'idle'",
    );
    await transaction.query({ text: "SELECT 1" });
  };
  await arm(ids);
  start();
  await expect.poll(async () => (await effects()).length, { timeout: 10_000 }).toBe(3);
  expect((await effects()).toSorted()).toEqual(ids.map(hexOf).toSorted());
  expect(failed).toEqual([]);
});

test("while PostgreSQL is away timers wait, and nobody is charged for it", async () => {
  const [id] = idsOf(1) as [Uint8Array];
  await arm([id]);
  proxy.setAway(true);
  start();
  await pause(600);
  expect(await effects()).toEqual([]);
  proxy.setAway(false);
  await expect.poll(effects, { timeout: 10_000 }).toEqual([hexOf(id)]);
  expect(failed).toEqual([]);
});

test("one that cannot be handled costs the others nothing, is put off, and is never given up", async () => {
  const ids = idsOf(5);
  const bad = hexOf(ids[1]!);
  let isMended = false;
  handle = async (transaction, timers) => {
    await noteIn(transaction, timers);
    if (!isMended && timers.some((timer) => hexOf(timer.id) === bad)) throw new Error("not this");
  };
  await arm(ids);
  start();
  await expect.poll(async () => (await effects()).length, { timeout: 10_000 }).toBe(4);
  expect(await effects()).not.toContain(bad);
  expect(failed).toEqual(["ask"]);
  nowMs += 1_000;
  await expect.poll(() => failed.length, { timeout: 10_000 }).toBe(2);
  const { rows } = await admin.query<{ failures: number; due: string }>(
    "SELECT failures, extract(epoch FROM due_at) * 1000 AS due FROM house.due",
  );
  expect(rows.map(({ failures, due }) => [failures, Number(due)])).toEqual([[2, nowMs + 2_000]]);
  isMended = true;
  nowMs += 2_000;
  await expect.poll(effects, { timeout: 10_000 }).toContain(bad);
});
