/** Statements on players whose sessions are all gone. */
import type { Key } from "@hexhold/hex";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { keyOf } from "./account-rows.ts";
import type { Database } from "./database.ts";

/** A presence that is to be ended. */
export interface DuePresence {
  /** UUID text, as all ids here. */
  readonly accountId: string;
  /** The newest session of the account that is known. */
  readonly sessionId: string;
  /** The same until the outcome is certain. */
  readonly requestId: string;
  /** Where the player was last heard of by a gateway, or by a hex since. */
  readonly heard: Key | undefined;
  /** Where its account says that it lives. */
  readonly residence: Key | undefined;
  readonly tries: number;
}

interface RawPresence {
  account_id: string;
  newest_session: string;
  request_id: string;
  tries: number;
  hex_id: string | null;
  layer_id: string | null;
  home_hex_id: string | null;
  home_layer_id: string | null;
}

/** Takes at most `limit` presences that are due; nobody else gets them for `claimMs`. `nowMs` is world time. */
export async function claimPresences(
  { run }: Database,
  limit: number,
  claimMs: number,
  nowMs: number,
): Promise<readonly DuePresence[]> {
  const requestIds = Array.from({ length: limit }, () => uuidText(uuidv7Bytes(Math.floor(nowMs))));
  const rows = await run<RawPresence>(
    "claim_presences",
    `WITH due AS (
       SELECT account_id FROM accounts.presence WHERE next_at <= :now
       ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED
     ), numbered AS (SELECT account_id, row_number() OVER () AS n FROM due)
     UPDATE accounts.presence AS claimed SET request_id = coalesce(request_id, ($3::uuid[])[n]),
       next_at = :now + $2::float8 * interval '1 millisecond'
     FROM numbered LEFT JOIN accounts.account AS home USING (account_id)
     WHERE claimed.account_id = numbered.account_id
     RETURNING claimed.account_id, newest_session, request_id, tries, claimed.hex_id, claimed.layer_id,
       home.hex_id AS home_hex_id, home.layer_id AS home_layer_id`,
    [limit, claimMs, requestIds],
  );
  return rows.map((row) => ({
    accountId: row.account_id,
    sessionId: row.newest_session,
    requestId: row.request_id,
    heard: keyOf(row),
    residence: keyOf({ hex_id: row.home_hex_id, layer_id: row.home_layer_id }),
    tries: row.tries,
  }));
}

/** The player is offline, or online by a newer session. Nothing happens if the account has come back meanwhile. */
export async function settlePresence(
  { run }: Database,
  { accountId, requestId }: DuePresence,
): Promise<void> {
  await run(
    "settle_presence",
    "DELETE FROM accounts.presence WHERE account_id = $1 AND request_id = $2",
    [accountId, requestId],
  );
}

/** The same request again after `delayMs`. */
export async function postponePresence(
  { run }: Database,
  { accountId, requestId }: DuePresence,
  delayMs: number,
): Promise<void> {
  await run(
    "postpone_presence",
    `UPDATE accounts.presence SET next_at = :now + $3::float8 * interval '1 millisecond'
     WHERE account_id = $1 AND request_id = $2`,
    [accountId, requestId, delayMs],
  );
}

/** Another request after `delayMs`, to `heard` if that is given. */
export async function renewPresence(
  { run }: Database,
  { accountId, requestId }: DuePresence,
  next: { readonly delayMs: number; readonly tries: number; readonly heard?: Key },
): Promise<void> {
  await run(
    "renew_presence",
    `UPDATE accounts.presence SET request_id = NULL, tries = $4,
       next_at = :now + $3::float8 * interval '1 millisecond',
       hex_id = coalesce($5::bigint, hex_id), layer_id = coalesce($6::bigint, layer_id)
     WHERE account_id = $1 AND request_id = $2`,
    [
      accountId,
      requestId,
      next.delayMs,
      next.tries,
      next.heard?.hexId.toString() ?? null,
      next.heard?.layerId ?? null,
    ],
  );
}

/** Sessions that gateways hold, and players that wait to be taken offline. */
export async function countPresences({
  run,
}: Database): Promise<{ readonly sessions: number; readonly waiting: number }> {
  const [row] = await run<{ sessions: number; waiting: number }>(
    "count_presences",
    `SELECT (SELECT count(*)::int FROM accounts.session) AS sessions,
       (SELECT count(*)::int FROM accounts.presence WHERE next_at IS NOT NULL) AS waiting`,
  );
  return row ?? { sessions: 0, waiting: 0 };
}
