/** `world.commit_batch`, called. */
import { type PgClient, readInt8Array } from "@hexhold/postgres";
import { commitParameters, parameterCount } from "./commit-parameters.ts";

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
    values: commitParameters(parts, wait),
    types: { getTypeParser: () => readInt8Array },
  });
  return answer[0]?.positions ?? [];
}
