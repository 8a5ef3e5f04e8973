/** Statements on what is owed to the world: players that are still to be brought into it. */
import type { Key } from "@hexhold/hex";
import { keyOf } from "./account-rows.ts";
import type { Database } from "./database.ts";

export interface SpawnDuty {
  /** UUID text. */
  readonly accountId: string;
  /** UUID text: the same until the outcome is certain. */
  readonly requestId: string;
  readonly key: Key;
  /** Hexes that were full before this one. */
  readonly hexesFull: number;
}

/** Takes at most `limit` duties that are due; nobody else gets them for `claimMs`. */
export async function claimDuties(
  { run }: Database,
  limit: number,
  claimMs: number,
): Promise<readonly SpawnDuty[]> {
  const rows = await run<{
    account_id: string;
    request_id: string;
    hex_id: string;
    layer_id: string;
    hexes_full: number;
  }>(
    "claim_duties",
    `UPDATE accounts.spawn_duty SET next_at = :now + $2::float8 * interval '1 millisecond'
     WHERE account_id IN (
       SELECT account_id FROM accounts.spawn_duty WHERE next_at <= :now
       ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED)
     RETURNING account_id, request_id, hex_id, layer_id, hexes_full`,
    [limit, claimMs],
  );
  return rows.map((row) => ({
    accountId: row.account_id,
    requestId: row.request_id,
    key: keyOf(row) ?? { hexId: 0n, layerId: 0 },
    hexesFull: row.hexes_full,
  }));
}

/** The player is in the world. */
export async function settleDuty({ run }: Database, duty: SpawnDuty): Promise<void> {
  await run(
    "settle_duty",
    `WITH settled AS (DELETE FROM accounts.spawn_duty WHERE account_id = $1 AND request_id = $2 RETURNING 1)
     UPDATE accounts.account SET hex_id = $3, layer_id = $4
     WHERE account_id = $1 AND hex_id IS NULL AND EXISTS (SELECT FROM settled)`,
    [duty.accountId, duty.requestId, duty.key.hexId, duty.key.layerId],
  );
}

/**
 * For certain not born in its hex: another one, under another request id, after `delayMs`. With `heldUntil` only while the
 * duty is held as {@link postponeDuty} said.
 */
export async function moveDuty(
  { run }: Database,
  duty: SpawnDuty,
  next: {
    readonly requestId: string;
    readonly key: Key;
    /** Hexes that are left behind: the duty's own, and those that are known not to serve. Default 1. */
    readonly passed?: number;
    readonly delayMs: number;
    readonly heldUntil?: string | undefined;
  },
): Promise<void> {
  await run(
    "move_duty",
    `UPDATE accounts.spawn_duty SET request_id = $3, hex_id = $4, layer_id = $5, hexes_full = hexes_full + $7::int,
       next_at = :now + $6::float8 * interval '1 millisecond'
     WHERE account_id = $1 AND request_id = $2 AND ($8::text IS NULL OR next_at = $8::timestamptz)`,
    [
      duty.accountId,
      duty.requestId,
      next.requestId,
      next.key.hexId,
      next.key.layerId,
      next.delayMs,
      next.passed ?? 1,
      next.heldUntil ?? null,
    ],
  );
}

/**
 * Nobody gets it for `delayMs`; then it is due again under the same request id. Resolves with the end of that time, by
 * which {@link moveDuty} knows it again.
 */
export async function postponeDuty(
  { run }: Database,
  duty: SpawnDuty,
  delayMs: number,
): Promise<string> {
  const [row] = await run<{ until: string }>(
    "postpone_duty",
    `UPDATE accounts.spawn_duty SET next_at = :now + $3::float8 * interval '1 millisecond'
     WHERE account_id = $1 AND request_id = $2 RETURNING next_at::text AS until`,
    [duty.accountId, duty.requestId, delayMs],
  );
  return row?.until ?? "infinity";
}
