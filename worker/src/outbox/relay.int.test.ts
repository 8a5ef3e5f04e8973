import { openPool, type PgPool } from "@hexhold/postgres";
import type { FreshDatabase } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { commitBatch, type OutboxRow } from "../journal/commit-batch.ts";
import { migratedDatabase } from "../journal/world-database.testing.ts";
import { encodeEnvelope, uuidv7Bytes } from "@hexhold/messaging";
import { startRelay } from "./relay.ts";
import { watchResends } from "./watch-resends.ts";

let database: FreshDatabase;
let pool: PgPool;

beforeAll(async () => {
  database = await migratedDatabase();
  pool = openPool({ url: database.url, applicationName: "test" }, 2);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

function row(destination: string): OutboxRow {
  const id = uuidv7Bytes();
  const envelope = encodeEnvelope({
    type: "evt.hex.test",
    messageVersion: 1,
    subject: "s",
    requestId: id,
    eventId: id,
    correlationId: id,
    producer: { service: "worker", version: "1", instance: "w" },
    tsMs: 1,
    payload: new Uint8Array(0),
  });
  return { destination, subject: "s", hexId: null, layerId: null, envelope };
}

/** A slot of its own with a relay whose every parcel is confirmed. */
async function open(slot: string) {
  const { rows } = await pool.query<{ epoch: string }>(
    "SELECT epoch FROM world.take_slot($1, 0, 'w#1')",
    [slot],
  );
  const epoch = BigInt(rows[0]!.epoch);
  const sent: string[] = [];
  const relay = startRelay({
    slot,
    life: () => 1n,
    pool,
    sender: {
      send: ({ queue, envelopes }) => {
        for (const _ of envelopes) sent.push(queue.replace(/\.\d+$/, ""));
        return Promise.resolve("confirmed");
      },
    },
    routes: () => ({ routeVersion: 1n, partitions: 8, moved: new Map() }) as never,
    logger: { warn: () => undefined } as never,
    onSent: () => undefined,
  });
  return {
    sent,
    relay,
    commit: async (outbox: readonly OutboxRow[]): Promise<bigint[]> => {
      const client = await pool.connect();
      try {
        const none = { results: [], heads: [], journal: [], timers: [] };
        return await commitBatch(client, {
          slot,
          epoch,
          routeVersion: 0n,
          rows: { ...none, outbox },
        });
      } finally {
        client.release();
      }
    },
  };
}

it("sends what was committed without an answer, also to a destination that it did not know", async () => {
  const { sent, relay, commit } = await open("cmd.p1");
  const told = [row("inventory")];
  relay.committed(told, await commit(told));
  await vi.waitFor(() => expect(sent).toEqual(["cmd.inventory"]), { timeout: 3000 });
  // Two commits whose answers were lost: nobody tells the relay.
  await commit([row("inventory"), row("accounts")]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(sent).toHaveLength(1);
  relay.reread();
  await vi.waitFor(
    () => expect(sent.toSorted()).toEqual(["cmd.accounts", "cmd.inventory", "cmd.inventory"]),
    { timeout: 3000 },
  );
  const more = [row("inventory")];
  relay.committed(more, await commit(more));
  await vi.waitFor(() => expect(sent).toHaveLength(4), { timeout: 3000 });
  await relay.stop();
});

it("sends everything again, in order, when its lanes were set back, and stores no position from before", async () => {
  const slot = "cmd.p2";
  const { sent, relay, commit } = await open(slot);
  const first = [row("inventory"), row("inventory")];
  relay.committed(first, await commit(first));
  await vi.waitFor(() => expect(sent).toHaveLength(2), { timeout: 3000 });
  const position = async (): Promise<string | undefined> =>
    (
      await pool.query<{ position: string }>(
        "SELECT position FROM world.outbox_lane WHERE slot = $1",
        [slot],
      )
    ).rows[0]?.position;
  await vi.waitFor(async () => expect(Number(await position())).toBeGreaterThan(0), {
    timeout: 3000,
  });
  const { rows } = await pool.query<{ again: string }>(
    "SELECT world.resend_lanes(ARRAY['inventory'], 'test') AS again",
  );
  expect(Number(rows[0]!.again)).toBeGreaterThanOrEqual(2);
  // Not told yet: what it confirms now belongs to the time before.
  const meanwhile = [row("inventory")];
  relay.committed(meanwhile, await commit(meanwhile));
  await vi.waitFor(() => expect(sent).toHaveLength(3), { timeout: 3000 });
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(await position()).toBe("0");
  relay.restart();
  await vi.waitFor(() => expect(sent).toHaveLength(6), { timeout: 3000 });
  await vi.waitFor(async () => expect(Number(await position())).toBeGreaterThan(0), {
    timeout: 3000,
  });
  await relay.stop();
});

it("hears within moments that lanes were set back", async () => {
  let heard = 0;
  const watch = watchResends(pool, () => heard++, 10);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(heard).toBe(0);
  await pool.query("SELECT world.resend_lanes(NULL, 'test')");
  await vi.waitFor(() => expect(heard).toBe(1), { timeout: 3000 });
  clearInterval(watch);
});
