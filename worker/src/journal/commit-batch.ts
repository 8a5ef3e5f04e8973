/** `world.commit_batch`, called. */
import {
  boolArray,
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  readInt8Array,
  textArray,
  uuidArray,
} from "@hexhold/postgres";
import type { PgClient } from "@hexhold/postgres";

export interface ResultRow {
  readonly bucket: number;
  readonly requestDay: number;
  readonly idempotencyKey: Uint8Array;
  readonly payloadHash: Uint8Array;
  readonly answer: Uint8Array;
  readonly decidedMs: number;
  readonly fromClient: boolean;
}

/** One row per hex: from its version before the batch to the one after. */
export interface HeadRow {
  readonly bucket: number;
  readonly hexId: bigint;
  readonly layerId: number;
  readonly from: number;
  to: number;
  decidedMs: number;
}

export interface JournalRow {
  readonly bucket: number;
  readonly hexId: bigint;
  readonly layerId: number;
  readonly hexVersion: number;
  readonly eventId: Uint8Array;
  readonly type: string;
  readonly messageVersion: number;
  readonly payload: Uint8Array;
  readonly accountId: Uint8Array | null;
  readonly idempotencyKey: Uint8Array;
  readonly decidedMs: number;
  readonly traceparent: string;
}

export interface OutboxRow {
  /** Lane: a service, or `hex`. */
  readonly destination: string;
  readonly subject: string | null;
  readonly hexId: bigint | null;
  readonly layerId: number | null;
  readonly envelope: Uint8Array;
}

/** A timer of a hex, armed or disarmed; each once in a batch. */
export interface TimerRow {
  readonly bucket: number;
  readonly hexId: bigint;
  readonly layerId: number;
  readonly timer: string;
  /** Undefined = disarmed. */
  readonly armed: { readonly dueMs: number; readonly armedVersion: number } | undefined;
}

/** All that a batch writes. */
export interface CommitRows {
  readonly results: readonly ResultRow[];
  readonly heads: readonly HeadRow[];
  readonly journal: readonly JournalRow[];
  readonly outbox: readonly OutboxRow[];
  readonly timers: readonly TimerRow[];
}

/** What one slot adds to a commit. */
export interface CommitPart {
  readonly slot: string;
  readonly epoch: bigint;
  /** Of the message that brought the commands. */
  readonly routeVersion: bigint;
  readonly rows: CommitRows;
}

const parameterCount = 44;
const text = `SELECT world.commit_batch(${Array.from({ length: parameterCount }, (_, i) => `$${i + 1}`).join(", ")}) AS positions`;

/** Commits `part` alone. Returns the outbox positions in the order of the rows. */
export async function commitBatch(client: PgClient, part: CommitPart): Promise<bigint[]> {
  return commit(client, [part], true);
}

/**
 * Commits `parts`, of different slots, in one transaction: all or nothing. Fails with 55P03 when somebody is
 * taking one of the slots. Returns the outbox positions of each part.
 */
export async function commitTogether(
  client: PgClient,
  parts: readonly CommitPart[],
): Promise<bigint[][]> {
  const positions = await commit(client, parts, false);
  let at = 0;
  return parts.map(({ rows }) => positions.slice(at, (at += rows.outbox.length)));
}

async function commit(
  client: PgClient,
  parts: readonly CommitPart[],
  wait: boolean,
): Promise<bigint[]> {
  const { rows: answer } = await client.query<{ positions: bigint[] | null }>({
    name: "commit_batch",
    text,
    values: parameters(parts, wait),
    types: { getTypeParser: () => readInt8Array },
  });
  return answer[0]?.positions ?? [];
}

function parameters(parts: readonly CommitPart[], wait: boolean): unknown[] {
  const results = parts.flatMap(({ rows }) => rows.results);
  const heads = parts.flatMap(({ rows }) => rows.heads);
  const journal = parts.flatMap(({ rows }) => rows.journal);
  const outbox = parts.flatMap(({ rows }) => rows.outbox);
  const timers = parts.flatMap(({ rows }) => rows.timers);
  /** For each row of one kind the place of its part, from 1. */
  const partOf = (kind: keyof CommitRows): Buffer =>
    int2Array(parts.flatMap(({ rows }, i) => rows[kind].map(() => i + 1)));
  return [
    textArray(parts.map((part) => part.slot)),
    int8Array(parts.map((part) => part.epoch)),
    int8Array(parts.map((part) => part.routeVersion)),
    wait,
    int2Array(results.map((row) => row.bucket)),
    int4Array(results.map((row) => row.requestDay)),
    byteaArray(results.map((row) => row.idempotencyKey)),
    byteaArray(results.map((row) => row.payloadHash)),
    byteaArray(results.map((row) => row.answer)),
    int8Array(results.map((row) => row.decidedMs)),
    boolArray(results.map((row) => row.fromClient)),
    partOf("heads"),
    int2Array(heads.map((row) => row.bucket)),
    int8Array(heads.map((row) => row.hexId)),
    int8Array(heads.map((row) => row.layerId)),
    int8Array(heads.map((row) => row.from)),
    int8Array(heads.map((row) => row.to)),
    int8Array(heads.map((row) => row.decidedMs)),
    partOf("journal"),
    int2Array(journal.map((row) => row.bucket)),
    int8Array(journal.map((row) => row.hexId)),
    int8Array(journal.map((row) => row.layerId)),
    int8Array(journal.map((row) => row.hexVersion)),
    uuidArray(journal.map((row) => row.eventId)),
    textArray(journal.map((row) => row.type)),
    int4Array(journal.map((row) => row.messageVersion)),
    byteaArray(journal.map((row) => row.payload)),
    uuidArray(journal.map((row) => row.accountId)),
    byteaArray(journal.map((row) => row.idempotencyKey)),
    int8Array(journal.map((row) => row.decidedMs)),
    textArray(journal.map((row) => row.traceparent)),
    partOf("outbox"),
    textArray(outbox.map((row) => row.destination)),
    textArray(outbox.map((row) => row.subject)),
    int8Array(outbox.map((row) => row.hexId)),
    int8Array(outbox.map((row) => row.layerId)),
    byteaArray(outbox.map((row) => row.envelope)),
    partOf("timers"),
    int2Array(timers.map((row) => row.bucket)),
    int8Array(timers.map((row) => row.hexId)),
    int8Array(timers.map((row) => row.layerId)),
    textArray(timers.map((row) => row.timer)),
    int8Array(timers.map((row) => row.armed?.dueMs ?? null)),
    int8Array(timers.map((row) => row.armed?.armedVersion ?? null)),
  ];
}
