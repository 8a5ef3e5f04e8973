import { openPool, type PgPool } from "@hexhold/postgres";
import type { FreshDatabase } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { commitBatch, type OutboxRow } from "../journal/commit-batch.ts";
import { migratedDatabase } from "../journal/world-database.testing.ts";
import { encodeEnvelope, uuidv7Bytes } from "@hexhold/messaging";
import { startRelay } from "./relay.ts";

const slot = "cmd.p1";
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

it("sends what was committed without an answer, also to a destination that it did not know", async () => {
  const { rows } = await pool.query<{ epoch: string }>(
    "SELECT epoch FROM world.take_slot($1, 0, 'w#1')",
    [slot],
  );
  const epoch = BigInt(rows[0]!.epoch);
  const commit = async (outbox: readonly OutboxRow[]): Promise<bigint[]> => {
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
  };
  const sent: string[] = [];
  const relay = startRelay({
    slot,
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
