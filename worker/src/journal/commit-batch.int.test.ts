import { bucketOf, hexAt } from "@hexhold/hex";
import { sha256, uuidv7Bytes } from "@hexhold/messaging";
import { detailOf, sqlStateOf } from "@hexhold/postgres";
import type { FreshDatabase } from "@hexhold/testing";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { commitBatch, type CommitRows, commitTogether } from "./commit-batch.ts";
import { migratedDatabase } from "./world-database.testing.ts";

const slot = "cmd.p1";
const today = Math.floor(Date.now() / 86_400_000);
let database: FreshDatabase;
let a: pg.Client;
let b: pg.Client;

beforeAll(async () => {
  database = await migratedDatabase();
  a = await connect();
  b = await connect();
});
afterAll(async () => {
  await Promise.all([a.end(), b.end()]);
  await database.drop();
});
beforeEach(async () => {
  await a.query(
    "TRUNCATE world.slot, world.hex_head, world.journal, world.command_result, world.outbox, world.outbox_lane, world.timer",
  );
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  return client;
}

async function take(
  client: pg.Client,
  expected: bigint,
  of: string = slot,
): Promise<bigint | undefined> {
  const { rows } = await client.query<{ epoch: string }>(
    "SELECT epoch FROM world.take_slot($1, $2, 'w#1')",
    [of, expected],
  );
  return rows[0] === undefined ? undefined : BigInt(rows[0].epoch);
}

interface Given {
  readonly hexId?: bigint;
  readonly from?: number;
  readonly events?: number;
  readonly key?: string;
  readonly day?: number;
  readonly fromClient?: boolean;
}

/** Rows of one command that makes `events` events in a hex. */
function rows(given: Given = {}): CommitRows {
  const { hexId = hexAt(52.5, 13.4), from = 0, events = 1, key = Math.random().toString() } = given;
  const bucket = bucketOf({ hexId, layerId: 0 });
  const idempotencyKey = sha256(Buffer.from(key));
  const decidedMs = Date.now();
  return {
    results: [
      {
        bucket,
        requestDay: given.day ?? today,
        idempotencyKey,
        payloadHash: sha256(Buffer.from("payload")),
        answer: Buffer.from("answer"),
        decidedMs,
        fromClient: given.fromClient ?? true,
      },
    ],
    heads: [{ bucket, hexId, layerId: 0, from, to: from + events, decidedMs }],
    journal: Array.from({ length: events }, (_, i) => ({
      bucket,
      hexId,
      layerId: 0,
      hexVersion: from + 1 + i,
      eventId: uuidv7Bytes(),
      type: "evt.hex.gathered",
      messageVersion: 1,
      payload: Buffer.from([i]),
      accountId: uuidv7Bytes(),
      idempotencyKey,
      decidedMs,
      traceparent: "",
    })),
    outbox: [
      {
        destination: "inventory",
        subject: "s",
        hexId: null,
        layerId: null,
        envelope: Buffer.from("e"),
      },
    ],
    timers: [],
  };
}

function commit(epoch: bigint, routeVersion: bigint, given: CommitRows): Promise<bigint[]> {
  return commitBatch(a, { slot, epoch, routeVersion, rows: given });
}

async function state(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "ok";
  } catch (error) {
    return sqlStateOf(error) ?? String(error);
  }
}

async function contents(client: pg.Client): Promise<Record<string, number>> {
  const { rows } = await client.query<Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM world.journal) AS journal,
            (SELECT count(*)::int FROM world.command_result) AS results,
            (SELECT count(*)::int FROM world.outbox) AS outbox,
            (SELECT coalesce(max(hex_version), 0)::int FROM world.hex_head) AS head`,
  );
  return rows[0]!;
}

const nothing = { journal: 0, results: 0, outbox: 0, head: 0 };

describe("world.commit_batch", () => {
  it("stores results, heads, events and outbox rows together, and gives rising outbox positions", async () => {
    const epoch = (await take(a, 0n))!;
    const first = await commit(epoch, 0n, rows({ events: 2 }));
    const second = await commit(epoch, 0n, rows({ from: 2 }));
    expect(await contents(a)).toEqual({ journal: 3, results: 2, outbox: 2, head: 3 });
    expect(second[0]).toBeGreaterThan(first[0]!);
  });

  it("refuses a holder whose epoch is over (HX001), and stores nothing", async () => {
    const epoch = (await take(a, 0n))!;
    expect(await take(b, epoch)).toBeGreaterThan(epoch);
    expect(await state(commit(epoch, 0n, rows()))).toBe("HX001");
    expect(await contents(a)).toEqual(nothing);
  });

  it("refuses a head that is not where it was decided on (HX002), naming the hex", async () => {
    const epoch = (await take(a, 0n))!;
    await commit(epoch, 0n, rows({ events: 2 }));
    for (const from of [0, 1, 3]) {
      const error: unknown = await commit(epoch, 0n, rows({ from })).catch((e: unknown) => e);
      expect(sqlStateOf(error)).toBe("HX002");
      expect(detailOf(error)).toBe(`${hexAt(52.5, 13.4)}.0`);
    }
    // A refusal alone rests on the head, too.
    expect(await state(commit(epoch, 0n, { ...rows({ from: 1, events: 0 }), outbox: [] }))).toBe(
      "HX002",
    );
    expect((await contents(a))["results"]).toBe(1);
  });

  it("refuses a command that has a result (HX003), so that its effect stays one", async () => {
    const epoch = (await take(a, 0n))!;
    await commit(epoch, 0n, rows({ key: "k" }));
    expect(await state(commit(epoch, 0n, rows({ key: "k", from: 1 })))).toBe("HX003");
    expect(await contents(a)).toEqual({ journal: 1, results: 1, outbox: 1, head: 1 });
  });

  it("refuses a key that has left the slot or whose route is newer than the message (HX004)", async () => {
    const epoch = (await take(a, 0n))!;
    await commit(epoch, 0n, rows());
    await a.query("UPDATE world.hex_head SET route_version = 5");
    expect(await state(commit(epoch, 4n, rows({ from: 1 })))).toBe("HX004");
    expect(await state(commit(epoch, 5n, rows({ from: 1 })))).toBe("ok");
    await a.query("UPDATE world.hex_head SET slot = 'cmd.hex.861f1d48fffffff'");
    expect(await state(commit(epoch, 9n, rows({ from: 2 })))).toBe("HX004");
    expect(await state(commit(epoch, 9n, rows({ from: 2, events: 0 })))).toBe("HX004");
  });

  it("refuses an epoch behind the head's (HX005)", async () => {
    const epoch = (await take(a, 0n))!;
    await commit(epoch, 0n, rows());
    await a.query("UPDATE world.hex_head SET epoch = epoch + 1000");
    expect(await state(commit(epoch, 0n, rows({ from: 1 })))).toBe("HX005");
  });

  it("refuses a client's request day below the prune floor (HX006), but takes a service's", async () => {
    const epoch = (await take(a, 0n))!;
    const old = { day: 9000 };
    expect(await state(commit(epoch, 0n, rows(old)))).toBe("HX006");
    expect(await state(commit(epoch, 0n, rows({ ...old, fromClient: false })))).toBe("ok");
    const { rows: parts } = await a.query<{ t: string }>(
      "SELECT DISTINCT tableoid::regclass::text AS t FROM world.command_result",
    );
    expect(parts).toEqual([{ t: "world.command_result_default" }]);
  });
});

describe("a commit of several slots", () => {
  const here = hexAt(52.5, 13.4);
  const there = hexAt(-33.9, 151.2);

  /** Two slots, each with a hex of its own. */
  async function twoParts(given: { readonly here?: Given; readonly there?: Given } = {}) {
    const left = (await take(a, 0n, "cmd.p1"))!;
    const right = (await take(a, 0n, "cmd.p2"))!;
    return [
      {
        slot: "cmd.p1",
        epoch: left,
        routeVersion: 0n,
        rows: rows({ hexId: here, ...given.here }),
      },
      {
        slot: "cmd.p2",
        epoch: right,
        routeVersion: 0n,
        rows: rows({ hexId: there, events: 2, ...given.there }),
      },
    ] as const;
  }

  it("stores each slot's rows under its own epoch and name, in one transaction", async () => {
    const [left, right] = await twoParts();
    const [before, after] = await commitTogether(a, [left, right]);
    expect([before?.length, after?.length]).toEqual([1, 1]);
    expect(after![0]).toBeGreaterThan(before![0]!);
    const { rows: journal } = await a.query(
      "SELECT hex_id, hex_version, epoch, xmin::text FROM world.journal ORDER BY epoch, hex_version",
    );
    expect(journal).toMatchObject([
      { hex_id: String(here), hex_version: "1", epoch: String(left.epoch) },
      { hex_id: String(there), hex_version: "1", epoch: String(right.epoch) },
      { hex_id: String(there), hex_version: "2", epoch: String(right.epoch) },
    ]);
    const { rows: heads } = await a.query(
      "SELECT slot, hex_version, epoch FROM world.hex_head ORDER BY slot",
    );
    expect(heads).toEqual([
      { slot: "cmd.p1", hex_version: "1", epoch: String(left.epoch) },
      { slot: "cmd.p2", hex_version: "2", epoch: String(right.epoch) },
    ]);
    const { rows: outbox } = await a.query(
      "SELECT slot, position FROM world.outbox ORDER BY position",
    );
    expect(outbox).toEqual([
      { slot: "cmd.p1", position: String(before![0]) },
      { slot: "cmd.p2", position: String(after![0]) },
    ]);
    // And on: heads that exist are moved by the other statement.
    await commitTogether(a, [
      { ...left, rows: rows({ hexId: here, from: 1 }) },
      { ...right, rows: rows({ hexId: there, from: 2 }) },
    ]);
    expect(await contents(a)).toMatchObject({ journal: 5, head: 3 });
  });

  it("stores nothing of anybody when one slot is fenced, or one hex, key or day is at fault", async () => {
    const [left, right] = await twoParts();
    const attempt = (part: typeof left | typeof right) =>
      state(commitTogether(a, [part === right ? left : right, part]));
    expect(await attempt({ ...right, epoch: right.epoch + 1n })).toBe("HX001");
    expect(await attempt({ ...left, epoch: left.epoch - 1n })).toBe("HX001");
    expect(await attempt({ ...right, rows: rows({ hexId: there, from: 7 }) })).toBe("HX002");
    expect(await attempt({ ...right, rows: rows({ hexId: there, day: 9000 }) })).toBe("HX006");
    expect(await contents(a)).toEqual(nothing);
    await commitTogether(a, [left, { ...right, rows: rows({ hexId: there, key: "k" }) }]);
    const again = rows({ hexId: there, from: 1, key: "k" });
    expect(
      await state(
        commitTogether(a, [
          { ...left, rows: rows({ hexId: here, from: 1 }) },
          { ...right, rows: again },
        ]),
      ),
    ).toBe("HX003");
    expect(await contents(a)).toMatchObject({ journal: 2, results: 2 });
  });

  it("holds each hex to its own slot, route version and epoch", async () => {
    const [left, right] = await twoParts();
    await commitTogether(a, [left, right]);
    const next = [
      { ...left, rows: rows({ hexId: here, from: 1 }) },
      { ...right, rows: rows({ hexId: there, from: 2 }) },
    ];
    // A part may not write the other's hex, though both slots are held.
    const swapped = [
      { ...left, rows: next[1]!.rows },
      { ...right, rows: next[0]!.rows },
    ];
    expect(await state(commitTogether(a, swapped))).toBe("HX004");
    await a.query("UPDATE world.hex_head SET route_version = 5 WHERE slot = 'cmd.p2'");
    expect(await state(commitTogether(a, next))).toBe("HX004");
    const refreshed = [next[0]!, { ...next[1]!, routeVersion: 5n }];
    await a.query("UPDATE world.hex_head SET epoch = epoch + 1000 WHERE slot = 'cmd.p2'");
    expect(await state(commitTogether(a, refreshed))).toBe("HX005");
    await a.query("UPDATE world.hex_head SET epoch = epoch - 1000 WHERE slot = 'cmd.p2'");
    expect(await state(commitTogether(a, refreshed))).toBe("ok");
    // The same for refusals and for first events.
    const refusals = [
      { ...left, rows: rows({ hexId: there, from: 3, events: 0 }) },
      { ...right, rows: rows({ hexId: here, from: 2, events: 0 }) },
    ];
    expect(await state(commitTogether(a, refusals))).toBe("HX004");
    await a.query("UPDATE world.hex_head SET hex_version = 0");
    const first = [
      { ...left, rows: rows({ hexId: there }) },
      { ...right, rows: rows({ hexId: here }) },
    ];
    expect(await state(commitTogether(a, first))).toBe("HX004");
  });

  it("waits for nobody: while a slot is being taken it fails at once (55P03)", async () => {
    const [left, right] = await twoParts();
    await b.query("BEGIN");
    await take(b, right.epoch, "cmd.p2");
    const startedMs = performance.now();
    expect(await state(commitTogether(a, [left, right]))).toBe("55P03");
    expect(performance.now() - startedMs).toBeLessThan(1000);
    await b.query("ROLLBACK");
    expect(await state(commitTogether(a, [left, right]))).toBe("ok");
  });
});

describe("world.take_slot", () => {
  it("takes nothing when the grant comes late, and says whether the last owner let go", async () => {
    const first = (await take(a, 0n))!;
    expect(await take(b, 0n)).toBeUndefined();
    const second = (await take(b, first))!;
    expect(await take(a, first)).toBeUndefined();
    await b.query("SELECT world.release_slot($1, $2)", [slot, second]);
    const { rows } = await a.query<{ clean: boolean }>(
      "SELECT clean FROM world.take_slot($1, $2, 'w#2')",
      [slot, second],
    );
    expect(rows).toEqual([{ clean: true }]);
  });
});

/** All orders in which two sequences may be interleaved. */
function interleavings<T>(left: readonly T[], right: readonly T[]): T[][] {
  if (left.length === 0) return [[...right]];
  if (right.length === 0) return [[...left]];
  return [
    ...interleavings(left.slice(1), right).map((rest) => [left[0]!, ...rest]),
    ...interleavings(left, right.slice(1)).map((rest) => [right[0]!, ...rest]),
  ];
}

const orders = interleavings(["a:write", "a:commit"], ["b:take", "b:commit", "b:load"]);

/** Orders in which a row of the old epoch lands behind the new owner's load. */
async function brokenOrders(write: (epoch: bigint) => Promise<unknown>): Promise<string[]> {
  const broken: string[] = [];
  for (const order of orders) {
    await a.query(
      "TRUNCATE world.slot, world.hex_head, world.journal, world.command_result, world.outbox",
    );
    const epoch = (await take(a, 0n))!;
    await a.query("BEGIN");
    await b.query("BEGIN");
    let loaded = -1;
    const steps: Record<string, () => Promise<unknown>> = {
      "a:write": () => write(epoch),
      "a:commit": () => a.query("COMMIT"),
      "b:take": () => take(b, epoch),
      "b:commit": () => b.query("COMMIT"),
      "b:load": async () => {
        loaded = (await contents(b))["journal"]!;
      },
    };
    // A step that waits for a lock is left waiting, and the other connection goes on.
    const last: Record<string, Promise<unknown>> = {};
    for (const step of order) {
      const connection = step.slice(0, 1);
      const run = (last[connection] ?? Promise.resolve()).then(steps[step]).catch(() => undefined);
      last[connection] = run;
      await Promise.race([run, new Promise((resolve) => setTimeout(resolve, 40))]);
    }
    await Promise.all(Object.values(last));
    const rowsNow = (await contents(a))["journal"];
    if (rowsNow !== loaded) broken.push(order.join(" "));
  }
  return broken;
}

/** Replaces the lock of the fence inside commit_batch for the rest of the test file's database. */
async function withLock(from: string, to: string, run: () => Promise<void>): Promise<void> {
  const { rows } = await a.query<{ definition: string }>(
    "SELECT pg_get_functiondef('world.commit_batch'::regproc) AS definition",
  );
  const { definition } = rows[0]!;
  expect(definition.split(from)).toHaveLength(2);
  await a.query(definition.replace(from, to));
  try {
    await run();
  } finally {
    await a.query(definition);
  }
}

describe.each([
  {
    form: "alone",
    lock: " FOR SHARE;",
    weaker: [" FOR KEY SHARE;", ";"],
    write: (epoch: bigint) => commit(epoch, 0n, rows()),
  },
  {
    form: "with another slot",
    lock: " FOR SHARE NOWAIT;",
    weaker: [" FOR KEY SHARE NOWAIT;", ";"],
    write: async (epoch: bigint) => {
      const other = (await take(a, 0n, "cmd.p2"))!;
      const elsewhere = { slot: "cmd.p2", epoch: other, routeVersion: 0n };
      const empty = { results: [], heads: [], journal: [], outbox: [], timers: [] };
      return commitTogether(a, [
        { ...elsewhere, rows: empty },
        { slot, epoch, routeVersion: 0n, rows: rows() },
      ]);
    },
  },
])("the fence of a commit $form, in every order with a take-over", ({ lock, weaker, write }) => {
  it(`holds in all ${orders.length} orders`, async () => {
    expect(orders).toHaveLength(10);
    expect(await brokenOrders(write)).toEqual([]);
  });

  it.each(weaker)("does not hold with %j instead", async (instead) => {
    await withLock(lock, instead, async () => {
      expect(await brokenOrders(write)).toContain("a:write b:take b:commit b:load a:commit");
    });
  });
});
