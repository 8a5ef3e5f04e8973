/**
 * The plans of the commit path on tables that were never analysed: every statement must find its rows by
 * the whole key. auto_explain shows the statements inside the functions as well.
 */
import { bucketOf, diskOf, hexAt } from "@hexhold/hex";
import { sha256, uuidv7Bytes } from "@hexhold/messaging";
import type { FreshDatabase } from "@hexhold/testing";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { commitBatch, type CommitRows } from "./commit-batch.ts";
import { readRecovery } from "./recovery.ts";
import { findResults } from "./result-store.ts";
import { migratedDatabase } from "./world-database.testing.ts";

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Cond"?: string;
  readonly Plans?: readonly PlanNode[];
}

const slot = "cmd.p1";
const today = Math.floor(Date.now() / 86_400_000);
const hexes = diskOf(hexAt(52.5, 13.4), 6);
let database: FreshDatabase;
let client: pg.Client;
const plans: { query: string; plan: PlanNode }[] = [];

beforeAll(async () => {
  database = await migratedDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  for (const table of ["hex_head", "journal", "snapshot", "hex_base", "timer"]) {
    await client.query(`ALTER TABLE world.${table} SET (autovacuum_enabled = false)`);
  }
  // Many hexes in every bucket, so that reading a bucket is not the same as reading a key.
  await client.query(
    `INSERT INTO world.hex_head (bucket, hex_id, layer_id, hex_version, epoch, slot, decided_at)
     SELECT n % 1024, n, 0, 1, 1, '${slot}', now() FROM generate_series(1, 40000) AS n`,
  );
  await client.query(
    `INSERT INTO world.journal (bucket, hex_id, layer_id, hex_version, epoch, event_id, type,
       message_version, payload, idempotency_key, decided_at)
     SELECT n % 1024, n, 0, 1, 1, gen_random_uuid(), 't', 1, '', '', now() FROM generate_series(1, 40000) AS n`,
  );
  await client.query(
    `INSERT INTO world.timer (bucket, hex_id, layer_id, timer, slot, due_at, armed_version)
     SELECT n % 1024, n, 0, 't', '${slot}', now(), 1 FROM generate_series(1, 40000) AS n`,
  );
  client.on("notice", (notice) => {
    const text = notice.message ?? "";
    const json = text.indexOf("{");
    if (!text.includes("plan:") || json < 0) return;
    const explained = JSON.parse(text.slice(json)) as { "Query Text": string; Plan: PlanNode };
    plans.push({ query: explained["Query Text"], plan: explained.Plan });
  });
  await client.query("LOAD 'auto_explain'");
  await client.query(
    `SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
     SET auto_explain.log_format = json; SET auto_explain.log_level = notice; SET client_min_messages = notice`,
  );
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

/** A command a hex, each with one event or, refused, with none. */
function rows(from: number, events: 0 | 1 = 1): CommitRows {
  const decidedMs = Date.now();
  const places = hexes.map((hexId) => ({
    bucket: bucketOf({ hexId, layerId: 0 }),
    hexId,
    layerId: 0,
  }));
  return {
    results: places.map(({ bucket }) => ({
      bucket,
      requestDay: today,
      idempotencyKey: uuidv7Bytes(),
      payloadHash: sha256(Buffer.from("p")),
      answer: Buffer.from("a"),
      decidedMs,
      fromClient: true,
    })),
    heads: places.map((place) => ({ ...place, from, to: from + events, decidedMs })),
    journal: (events === 0 ? [] : places).map((place) => ({
      ...place,
      hexVersion: from + 1,
      eventId: uuidv7Bytes(),
      type: "t",
      messageVersion: 1,
      payload: Buffer.from("p"),
      accountId: null,
      idempotencyKey: uuidv7Bytes(),
      decidedMs,
      traceparent: "",
    })),
    outbox: [],
    timers: places.map((place) => ({
      ...place,
      timer: "t",
      armed: events === 0 ? undefined : { dueMs: decidedMs, armedVersion: from + 1 },
    })),
  };
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

const keyed: Record<string, readonly string[]> = {
  hex_head: ["bucket", "hex_id", "layer_id"],
  hex_base: ["bucket", "hex_id", "layer_id"],
  journal: ["bucket", "hex_id", "layer_id"],
  timer: ["bucket", "hex_id", "layer_id", "timer"],
  command_result: ["bucket", "request_day", "idempotency_key"],
};

it("find their rows by the whole key", async () => {
  const { rows: taken } = await client.query<{ epoch: string }>(
    "SELECT epoch FROM world.take_slot($1, 0, 'w#1')",
    [slot],
  );
  const epoch = BigInt(taken[0]!.epoch);
  // More than five times: PostgreSQL then weighs a generic plan.
  for (let from = 0; from < 8; from++) {
    await commitBatch(client, { slot, epoch, routeVersion: 0n, rows: rows(from) });
    await commitBatch(client, { slot, epoch, routeVersion: 0n, rows: rows(from + 1, 0) });
  }
  const places = hexes.map((hexId) => ({
    key: { hexId, layerId: 0 },
    keyText: hexId.toString(16),
    bucket: bucketOf({ hexId, layerId: 0 }),
  }));
  for (let i = 0; i < 8; i++) {
    await readRecovery(client, places, new Map(), 1);
    await findResults(
      client,
      places.map(({ bucket }) => ({
        bucket,
        requestDay: today,
        idempotencyKey: uuidv7Bytes(),
      })),
    );
  }
  const scans = plans.flatMap(({ query, plan }) =>
    nodesOf(plan).map((node) => ({ query: query.replaceAll(/\s+/g, " "), node })),
  );
  const faults = new Set<string>();
  let checked = 0;
  for (const { query, node } of scans) {
    const relation = (node["Relation Name"] ?? "").replace(/_(\d{8}|default)$/, "");
    const key = keyed[relation];
    if (key === undefined || node["Node Type"] === "ModifyTable") continue;
    checked++;
    const condition = node["Index Cond"] ?? bitmapCondition(node);
    // Arrays in a condition that is looked up for every row are sorted for every row.
    if (relation === "hex_head" && condition.includes("ANY (") && query.includes("h_of"))
      faults.add(`${query.slice(0, 60)}: an array in the condition on ${relation}`);
    const missing = key.filter((column) => !condition.includes(column));
    if (missing.length > 0)
      faults.add(
        `${query.slice(0, 60)}: ${node["Node Type"]} on ${relation} without ${missing.join(", ")}`,
      );
  }
  expect([...faults]).toEqual([]);
  expect(checked).toBeGreaterThan(30);
});

function bitmapCondition(node: PlanNode): string {
  return nodesOf(node)
    .map((child) => child["Index Cond"] ?? "")
    .join(" ");
}
