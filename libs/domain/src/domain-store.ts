/** The tables that every domain service has in its own schema: `inbox`, `result`, `outbox`. */
import { byteaArray, unsentStatement, uuidArray } from "@hexhold/postgres";
import type { Origin } from "./incoming.ts";
import { outboxStatement } from "./outbox.ts";
import type { Statement, Transaction } from "./transaction.ts";

export interface StoredResult {
  readonly payloadHash: Uint8Array;
  readonly answer: Uint8Array;
}

export interface OutboxMessage {
  /** A service, or `hex`; never a queue. */
  readonly destination: string;
  /** Of a hex: its key text. */
  readonly subject: string;
  /** Encoded. */
  readonly envelope: Uint8Array;
}

export interface DomainStore {
  /** Those of `origins` that no commit of this database has sent here. */
  unsent(transaction: Transaction, origins: readonly Origin[]): Promise<ReadonlySet<Origin>>;
  /** Notes events as handled; returns those that were not before, or were left open by a letter, as `bytesText`. */
  claim(transaction: Transaction, eventIds: readonly Uint8Array[]): Promise<Set<string>>;
  /** Of those ids, which are noted, open or not; as `bytesText`. */
  known(transaction: Transaction, eventIds: readonly Uint8Array[]): Promise<ReadonlySet<string>>;
  /** Notes a message as left open: its next copy is handled. Such a note is never pruned. */
  leaveOpen(transaction: Transaction, eventId: Uint8Array): Promise<void>;
  /** Stored answers by idempotency key, both as `bytesText`. */
  results(
    transaction: Transaction,
    keys: readonly Uint8Array[],
  ): Promise<Map<string, StoredResult>>;
  /** Fails with 23505 when one of the keys has a result. */
  saveResults(
    transaction: Transaction,
    results: readonly (StoredResult & { readonly key: Uint8Array })[],
  ): Promise<void>;
  send(transaction: Transaction, message: OutboxMessage): Promise<void>;
  /** Deletes old rows of inbox and results; how many. */
  pruneStatement(
    inboxHours: number,
    resultHours: number,
    rowsMax: number,
    worldMs: number,
  ): Statement;
}

/**
 * `schema` is a name of ours, never input. `onOutbox` is called after each commit that has left something in the
 * outbox.
 */
export function createDomainStore(schema: string, onOutbox: () => void): DomainStore {
  return {
    async unsent(transaction, origins) {
      const unsentOf = async (life: bigint, some: readonly Origin[]): Promise<Set<bigint>> => {
        const [row] = await transaction.query<{ unsent: string[] }>(
          unsentStatement(life, schema, some),
        );
        return new Set((row?.unsent ?? []).map(BigInt));
      };
      const found = new Set<Origin>();
      for (const [life, ofLife] of Map.groupBy(origins, (origin) => origin.life)) {
        // Nearly always: all of the life that this is.
        if ((await unsentOf(life, ofLife)).size === 0) continue;
        // The answer names positions alone, and each slot counts by itself.
        for (const ofSlot of Map.groupBy(ofLife, ({ slot }) => slot).values()) {
          const positions = await unsentOf(life, ofSlot);
          for (const origin of ofSlot) if (positions.has(origin.position)) found.add(origin);
        }
      }
      return found;
    },
    async claim(transaction, eventIds) {
      // In one order everywhere: two transactions that note the same ids wait for each other, and never both.
      const ids = [...new Map(eventIds.map((id) => [Buffer.from(id).toString("hex"), id]))]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([, id]) => id);
      if (ids.length === 0) return new Set();
      const rows = await transaction.query<{ id: string }>({
        name: `${schema}_claim`,
        text: `INSERT INTO ${schema}.inbox (event_id) SELECT unnest($1::uuid[])
          ON CONFLICT (event_id) DO UPDATE SET lettered = false WHERE inbox.lettered
          RETURNING event_id::text AS id`,
        values: [uuidArray(ids)],
      });
      return textsOf(rows);
    },
    async known(transaction, eventIds) {
      const rows = await transaction.query<{ id: string }>({
        name: `${schema}_known`,
        text: `SELECT event_id::text AS id FROM ${schema}.inbox WHERE event_id = ANY ($1::uuid[])`,
        values: [uuidArray(eventIds)],
      });
      return textsOf(rows);
    },
    async leaveOpen(transaction, eventId) {
      await transaction.query({
        name: `${schema}_leave_open`,
        text: `INSERT INTO ${schema}.inbox (event_id, lettered) VALUES ($1, true)
          ON CONFLICT (event_id) DO UPDATE SET lettered = true`,
        values: [Buffer.from(eventId).toString("hex")],
      });
    },
    async results(transaction, keys) {
      if (keys.length === 0) return new Map();
      const rows = await transaction.query<{
        idempotency_key: Buffer;
        payload_hash: Buffer;
        answer: Buffer;
      }>({
        name: `${schema}_results`,
        text: `SELECT idempotency_key, payload_hash, answer FROM ${schema}.result
          WHERE idempotency_key = ANY ($1::bytea[])`,
        values: [byteaArray(keys)],
      });
      return new Map(
        rows.map((row) => [
          row.idempotency_key.toString("latin1"),
          { payloadHash: row.payload_hash, answer: row.answer },
        ]),
      );
    },
    async saveResults(transaction, results) {
      if (results.length === 0) return;
      await transaction.query({
        name: `${schema}_save_results`,
        text: `INSERT INTO ${schema}.result (idempotency_key, payload_hash, answer)
          SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[])`,
        values: [
          byteaArray(results.map(({ key }) => key)),
          byteaArray(results.map(({ payloadHash }) => payloadHash)),
          byteaArray(results.map(({ answer }) => answer)),
        ],
      });
    },
    async send(transaction, message) {
      await transaction.query(outboxStatement(schema, [message]));
      transaction.onCommit(onOutbox);
    },
    pruneStatement: (inboxHours, resultHours, rowsMax, worldMs) => ({
      text: `SELECT ${schema}.prune($1, $2, $3, $4)::text AS gone`,
      values: [inboxHours, resultHours, rowsMax, worldMs],
    }),
  };
}

/** UUIDs as `bytesText`. */
function textsOf(rows: readonly { readonly id: string }[]): Set<string> {
  return new Set(
    rows.map(({ id }) => Buffer.from(id.replaceAll("-", ""), "hex").toString("latin1")),
  );
}
