import { openConnection, type PgClient } from "@hexhold/postgres";
import { createLogger } from "@hexhold/telemetry";
import type { FreshDatabase } from "@hexhold/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { migratedDatabase } from "../journal/world-database.testing.ts";
import { ReleasingError } from "./ownership.ts";
import { OutcomeUnknownError, SlotStore } from "./slot-store.ts";

const slot = "cmd.p3";
let database: FreshDatabase;
let admin: PgClient;
/** Within a transaction one session sees the others as they were at its beginning. */
let watcher: PgClient;
/** What a connection of the store waits for. */
let gate: Promise<void>;

beforeAll(async () => {
  database = await migratedDatabase();
  admin = await openConnection({ url: database.url, applicationName: "test-admin" });
  watcher = await openConnection({ url: database.url, applicationName: "test-watcher" });
});
afterAll(async () => {
  await Promise.all([admin.end(), watcher.end()]);
  await database.drop();
});
beforeEach(async () => {
  gate = Promise.resolve();
  await admin.query("TRUNCATE world.slot");
});
afterEach(async () => void (await admin.query("ROLLBACK")));

async function takeIt(): Promise<SlotStore> {
  return SlotStore.take(
    {
      slot,
      worker: "w",
      incarnation: "1",
      connect: async (applicationName, onLost) => {
        await gate;
        return openConnection({ url: database.url, applicationName }, onLost);
      },
      group: { commit: () => Promise.resolve(undefined) },
      logger: createLogger({ service: "worker", instance: "w", level: "silent" }),
      now: () => performance.now(),
    },
    0n,
  );
}

async function row(): Promise<{ epoch: bigint; released: boolean }> {
  const { rows } = await admin.query<{ epoch: string; released: boolean }>(
    "SELECT epoch, released FROM world.slot",
  );
  return { epoch: BigInt(rows[0]!.epoch), released: rows[0]!.released };
}

async function sessions(waitsFor = "%"): Promise<number> {
  const { rows } = await watcher.query(
    `SELECT 1 FROM pg_stat_activity
     WHERE application_name LIKE 'worker:%' AND datname = current_database()
       AND coalesce(wait_event_type, '') LIKE $1`,
    [waitsFor],
  );
  return rows.length;
}

/** As an outage does: the connection is gone, and what was asked has no answer. */
async function breakIt(store: SlotStore): Promise<void> {
  await admin.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE application_name LIKE 'worker:%' AND datname = current_database()`,
  );
  await expect(store.run((client) => client.query("SELECT 1"))).rejects.toThrow(
    OutcomeUnknownError,
  );
}

it("mints no epoch and keeps no connection when it is closed while a connection is opened", async () => {
  const store = await takeIt();
  const before = await row();
  await breakIt(store);
  const opened = Promise.withResolvers<void>();
  gate = opened.promise;
  const recovering = store.recover();
  await store.close(true);
  opened.resolve();
  await expect(recovering).rejects.toThrow(ReleasingError);
  await vi.waitFor(async () => expect(await sessions()).toBe(0), { timeout: 5000, interval: 20 });
  expect(await row()).toEqual(before);
});

it("gives back the epoch that it was minting when it was closed", async () => {
  const store = await takeIt();
  const { epoch } = await row();
  await breakIt(store);
  await admin.query("BEGIN");
  await admin.query("SELECT FROM world.slot FOR UPDATE");
  const recovering = store.recover();
  await vi.waitFor(async () => expect(await sessions("Lock")).toBe(1), {
    timeout: 5000,
    interval: 5,
  });
  const closing = store.close(true);
  setTimeout(() => void admin.query("COMMIT"), 200);
  await closing;
  await recovering;
  expect(await row()).toEqual({ epoch: epoch + 1n, released: true });
  await vi.waitFor(async () => expect(await sessions()).toBe(0), { timeout: 5000, interval: 20 });
  await expect(store.recover()).rejects.toThrow(ReleasingError);
});
