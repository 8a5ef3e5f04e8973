import { bucketOf, hexAt } from "@hexhold/hex";
import { sha256, uuidv7Bytes } from "@hexhold/messaging";
import { openConnection, type PgClient } from "@hexhold/postgres";
import type { FreshDatabase } from "@hexhold/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { CommitPart, CommitRows } from "../journal/commit-batch.ts";
import { migratedDatabase } from "../journal/world-database.testing.ts";
import { GroupCommit } from "./group-commit.ts";
import { groupConnectionName, takeSlot } from "./ownership.ts";
import { OutcomeUnknownError } from "./slot-store.ts";

const slots = ["cmd.p1", "cmd.p2", "cmd.p3", "cmd.p4"];
const incarnation = "0191f1c4-0000-7000-8000-00000000abcd";
const name = groupConnectionName("w", incarnation);
let database: FreshDatabase;
let admin: PgClient;
let group: GroupCommit;
let sizes: number[];

beforeAll(async () => {
  database = await migratedDatabase();
  admin = await openConnection({ url: database.url, applicationName: "test" });
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});
beforeEach(async () => {
  await admin.query(
    "TRUNCATE world.slot, world.hex_head, world.journal, world.command_result, world.outbox",
  );
  sizes = [];
  group = new GroupCommit({
    connect: (onLost) =>
      openConnection({ url: database.url, applicationName: name }, () => onLost()),
    logger: { debug: () => undefined },
    onCommit: (count) => sizes.push(count),
  });
  await vi.waitUntil(() => group.connected, { timeout: 5000, interval: 10 });
});
afterEach(() => group.stop());

async function taken(): Promise<bigint[]> {
  const epochs = [];
  for (const slot of slots) {
    const { rows } = await admin.query<{ epoch: string }>(
      "SELECT epoch FROM world.take_slot($1, 0, $2)",
      [slot, `w#${incarnation}`],
    );
    epochs.push(BigInt(rows[0]!.epoch));
  }
  return epochs;
}

/** `commands` commands of slot `i`, each with an event in its own hex. */
function part(i: number, epoch: bigint, from = 0, commands = 1): CommitPart {
  const hexId = hexAt(10 * i, 10 * i);
  const bucket = bucketOf({ hexId, layerId: 0 });
  const decidedMs = Date.now();
  const rows: CommitRows = {
    results: Array.from({ length: commands }, () => ({
      bucket,
      requestDay: Math.floor(decidedMs / 86_400_000),
      idempotencyKey: sha256(uuidv7Bytes()),
      payloadHash: sha256(Buffer.from("p")),
      answer: Buffer.from("a"),
      decidedMs,
      fromClient: true,
    })),
    heads: [{ bucket, hexId, layerId: 0, from, to: from + 1, decidedMs }],
    journal: [
      {
        bucket,
        hexId,
        layerId: 0,
        hexVersion: from + 1,
        eventId: uuidv7Bytes(),
        type: "t",
        messageVersion: 1,
        payload: Buffer.from("p"),
        accountId: null,
        idempotencyKey: sha256(uuidv7Bytes()),
        decidedMs,
        traceparent: "",
      },
    ],
    outbox: [],
    timers: [],
  };
  return { slot: slots[i]!, epoch, routeVersion: 0n, rows };
}

async function journalRows(): Promise<number> {
  const { rows } = await admin.query<{ n: number }>("SELECT count(*)::int AS n FROM world.journal");
  return rows[0]!.n;
}

/** Holds up whoever touches `slot`, until the returned function is called. */
async function holdUp(): Promise<() => Promise<void>> {
  const holder = await openConnection({ url: database.url, applicationName: "holder" });
  // Results are inserted after the fence: the group waits with its slots locked.
  await holder.query("BEGIN; LOCK TABLE world.command_result IN ACCESS EXCLUSIVE MODE");
  return async () => {
    await holder.query("ROLLBACK");
    await holder.end();
  };
}

it("commits what several slots hand in at once, and what comes meanwhile with the next", async () => {
  const epochs = await taken();
  const release = await holdUp();
  const first = [0, 1].map((i) => group.commit(part(i, epochs[i]!)));
  await new Promise((resolve) => setTimeout(resolve, 50));
  const second = [2, 3].map((i) => group.commit(part(i, epochs[i]!)));
  await release();
  expect(await Promise.all([...first, ...second])).toEqual([[], [], [], []]);
  expect(sizes).toEqual([2, 2]);
  expect(await journalRows()).toBe(4);
});

it("splits what is more than 512 answers, and takes a larger part alone", async () => {
  const epochs = await taken();
  const all = [300, 300, 600, 200].map((count, i) => group.commit(part(i, epochs[i]!, 0, count)));
  expect(await Promise.all(all)).toEqual([[], [], [], []]);
  expect(sizes).toEqual([1, 1, 1, 1]);
});

it("hands everybody back when one is at fault: nothing was done, each commits alone", async () => {
  const epochs = await taken();
  const all = [part(0, epochs[0]!), part(1, epochs[1]!, 5), part(2, epochs[2]! + 1n)];
  expect(await Promise.all(all.map((one) => group.commit(one)))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(await journalRows()).toBe(0);
  expect(await group.commit(part(0, epochs[0]!))).toEqual([]);
});

it("says of all that went that their outcome is unknown when the answer is missing; who waits commits alone", async () => {
  const epochs = await taken();
  const release = await holdUp();
  const went = [0, 1].map((i) => group.commit(part(i, epochs[i]!)));
  await new Promise((resolve) => setTimeout(resolve, 50));
  const waits = group.commit(part(2, epochs[2]!));
  const ended = Promise.allSettled([...went, waits]);
  await admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = $1 AND datname = current_database()`,
    [name],
  );
  const outcomes = await ended;
  await release();
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect((outcomes[0] as PromiseRejectedResult).reason).toBeInstanceOf(OutcomeUnknownError);
  expect(outcomes[2]).toEqual({ status: "fulfilled", value: undefined });
  expect(await group.commit(part(2, epochs[2]!))).toBeUndefined();
  // It comes back by itself.
  await expect.poll(() => group.connected).toBe(true);
  expect(await group.commit(part(2, epochs[2]!))).toEqual([]);
  expect(await journalRows()).toBe(1);
});

it("cannot hold up a take-over: the session of a group that stands still is ended", async () => {
  const epochs = await taken();
  // A client that froze between its statement and the end of its transaction.
  const frozen = await openConnection(
    { url: database.url, applicationName: name },
    () => undefined,
  );
  await frozen.query("BEGIN");
  await frozen.query("SELECT 1 FROM world.slot FOR SHARE");
  const next = await openConnection({ url: database.url, applicationName: "next" });
  const startedMs = performance.now();
  const takenBy = await takeSlot(next, slots[1]!, epochs[1]!, { worker: "v", incarnation: "i" });
  const tookMs = performance.now() - startedMs;
  await next.end();
  expect(takenBy?.epoch).toBeGreaterThan(epochs[1]!);
  expect(tookMs).toBeGreaterThan(900);
  expect(tookMs).toBeLessThan(2500);
  await expect(frozen.query("SELECT 1")).rejects.toThrow(/terminat|not queryable/);
  // The group's own connection, which held nothing for so long, lives on.
  expect(await group.commit(part(0, epochs[0]!))).toEqual([]);
});
