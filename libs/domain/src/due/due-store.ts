/**
 * Durable timers of a service: rows of its table `due (kind, id, due_at, failures)`. A timer is armed and disarmed in the
 * commit that gives or takes the reason for it.
 */
import { int8Array, uuidArray } from "@hexhold/postgres";
import type { Transaction } from "../transaction.ts";

/** A timer that has come due. */
export interface DueTimer {
  /** 16 bytes: of what it is the timer. */
  readonly id: Uint8Array;
  /** World time for which it was armed, Unix milliseconds. */
  readonly dueMs: number;
  /** Attempts that failed so far. */
  readonly failures: number;
}

export interface DueStore {
  /** Arms a timer of `kind` for each id: one that is armed already gets the new time, and its failures are forgotten. */
  arm(
    transaction: Transaction,
    kind: string,
    timers: readonly { readonly id: Uint8Array; readonly dueMs: number }[],
  ): Promise<void>;
  /** Does nothing for ids without a timer. */
  disarm(transaction: Transaction, kind: string, ids: readonly Uint8Array[]): Promise<void>;
  /**
   * Takes the oldest timers of `kind` that are due at `nowMs` out of the table, at most `countMax` and none that another
   * transaction has in hand.
   */
  take(
    transaction: Transaction,
    kind: string,
    nowMs: number,
    countMax: number,
  ): Promise<readonly DueTimer[]>;
  /** Puts a timer off after a failure; nothing when it is gone. */
  putOff(transaction: Transaction, kind: string, id: Uint8Array, untilMs: number): Promise<void>;
}

/** `schema` is a name of ours, never input. */
export function createDueStore(schema: string): DueStore {
  return {
    async arm(transaction, kind, timers) {
      if (timers.length === 0) return;
      // In one order everywhere: two transactions that arm the same ones wait for each other, and never both.
      const sorted = timers.toSorted((a, b) => Buffer.compare(a.id, b.id));
      await transaction.query({
        name: `${schema}_due_arm`,
        text: `INSERT INTO ${schema}.due (kind, id, due_at)
          SELECT $1, id, to_timestamp(ms / 1000.0) FROM unnest($2::uuid[], $3::bigint[]) AS t (id, ms)
          ON CONFLICT (kind, id) DO UPDATE SET due_at = excluded.due_at, failures = 0`,
        values: [
          kind,
          uuidArray(sorted.map(({ id }) => id)),
          int8Array(sorted.map(({ dueMs }) => BigInt(Math.ceil(dueMs)))),
        ],
      });
    },
    async disarm(transaction, kind, ids) {
      if (ids.length === 0) return;
      await transaction.query({
        name: `${schema}_due_disarm`,
        text: `DELETE FROM ${schema}.due WHERE kind = $1 AND id = ANY ($2::uuid[])`,
        values: [kind, uuidArray(ids)],
      });
    },
    async take(transaction, kind, nowMs, countMax) {
      const rows = await transaction.query<{ id: string; due_ms: string; failures: number }>({
        name: `${schema}_due_take`,
        text: `DELETE FROM ${schema}.due AS d USING (
            SELECT kind, id FROM ${schema}.due WHERE kind = $1 AND due_at <= to_timestamp($2::float8 / 1000)
            ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED) AS t
          WHERE d.kind = t.kind AND d.id = t.id
          RETURNING d.id::text AS id, floor(extract(epoch FROM d.due_at) * 1000)::text AS due_ms, d.failures`,
        values: [kind, nowMs, countMax],
      });
      return rows
        .map(({ id, due_ms: dueMs, failures }) => ({
          id: new Uint8Array(Buffer.from(id.replaceAll("-", ""), "hex")),
          dueMs: Number(dueMs),
          failures,
        }))
        .toSorted((a, b) => a.dueMs - b.dueMs);
    },
    async putOff(transaction, kind, id, untilMs) {
      await transaction.query({
        name: `${schema}_due_put_off`,
        text: `UPDATE ${schema}.due SET due_at = to_timestamp($3::float8 / 1000), failures = failures + 1
          WHERE kind = $1 AND id = $2`,
        values: [kind, Buffer.from(id).toString("hex"), untilMs],
      });
    },
  };
}
