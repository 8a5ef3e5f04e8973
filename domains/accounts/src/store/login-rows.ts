/** Statements on logins and their refresh tokens. */
import type { Key } from "@hexhold/hex";
import { judgeRefresh, type RefreshVerdict } from "../rules/refresh-rules.ts";
import { keyOf } from "./account-rows.ts";
import type { RunStatement, Store } from "./database.ts";

export interface NewLogin {
  readonly loginId: string;
  readonly accountId: string;
  readonly tokenHash: Uint8Array;
  readonly ttlMs: number;
  /** Logins of an account at a time; the oldest end beyond it. */
  readonly loginsMax: number;
}

const insertTokenText = `INSERT INTO accounts.refresh_token (token_hash, login_id, expires_at)
  VALUES ($1, $2, :now + $3::float8 * interval '1 millisecond')
  RETURNING (extract(epoch FROM expires_at) * 1000)::float8 AS expires_ms`;

async function insertToken(
  run: RunStatement,
  tokenHash: Uint8Array,
  loginId: string,
  ttlMs: number,
): Promise<number> {
  const values = [Buffer.from(tokenHash), loginId, ttlMs];
  const [row] = await run<{ expires_ms: number }>("insert_token", insertTokenText, values);
  return row?.expires_ms ?? 0;
}

/** Resolves with the time at which the refresh token expires. */
export function startLogin(database: Store, login: NewLogin): Promise<number> {
  const { loginId, accountId, tokenHash, ttlMs, loginsMax } = login;
  return database.transaction(async (run) => {
    await run("insert_login", "INSERT INTO accounts.login (login_id, account_id) VALUES ($1, $2)", [
      loginId,
      accountId,
    ]);
    await run(
      "end_oldest_logins",
      `UPDATE accounts.login SET ended_at = :now, end_reason = 'too-many'
       WHERE account_id = $1 AND ended_at IS NULL AND login_id IN (
         SELECT login_id FROM accounts.login WHERE account_id = $1 AND ended_at IS NULL
         ORDER BY login_id DESC OFFSET $2)`,
      [accountId, loginsMax],
    );
    return insertToken(run, tokenHash, loginId, ttlMs);
  });
}

export interface RefreshAttempt {
  readonly presentedHash: Uint8Array;
  readonly nextHash: Uint8Array;
  /** UUID text. */
  readonly requestId: string;
  readonly ttlMs: number;
}

/** What became of a token; without a row of it nobody knows whose it was. */
export interface RefreshResult {
  readonly verdict: RefreshVerdict;
  readonly accountId: string;
  readonly loginId: string;
  readonly residence: Key | undefined;
  readonly bannedUntilMs: number | undefined;
  readonly banReason: string;
  /** PostgreSQL's clock. */
  readonly nowMs: number;
  readonly expiresMs: number;
}

interface RawPresented {
  login_id: string;
  account_id: string;
  expires_ms: number;
  used_ms: number | null;
  used_request: string | null;
  login_ended: boolean;
  banned_until_ms: number | null;
  ban_reason: string;
  hex_id: string | null;
  layer_id: string | null;
  now_ms: number;
}

/** Judges a presented token and does what follows, with the token and its login locked. */
export function useRefreshToken(
  database: Store,
  { presentedHash, nextHash, requestId, ttlMs }: RefreshAttempt,
): Promise<RefreshResult | undefined> {
  return database.transaction(async (run) => {
    const hash = Buffer.from(presentedHash);
    const [row] = await run<RawPresented>(
      "lock_token",
      `SELECT l.login_id, l.account_id, (extract(epoch FROM t.expires_at) * 1000)::float8 AS expires_ms,
         (extract(epoch FROM t.used_at) * 1000)::float8 AS used_ms, t.used_request,
         l.ended_at IS NOT NULL AS login_ended, a.ban_reason, a.hex_id, a.layer_id,
         (extract(epoch FROM a.banned_until) * 1000)::float8 AS banned_until_ms,
         (extract(epoch FROM :now) * 1000)::float8 AS now_ms
       FROM accounts.refresh_token t JOIN accounts.login l USING (login_id)
         JOIN accounts.account a USING (account_id)
       WHERE t.token_hash = $1 FOR UPDATE OF l, t`,
      [hash],
    );
    if (row === undefined) return undefined;
    const bannedUntilMs = row.banned_until_ms ?? undefined;
    const verdict = judgeRefresh(
      {
        expiresMs: row.expires_ms,
        used:
          row.used_ms === null
            ? undefined
            : { atMs: row.used_ms, requestId: row.used_request ?? "" },
        loginEnded: row.login_ended,
        bannedUntilMs,
      },
      requestId,
      row.now_ms,
    );
    if (verdict === "theft") await endLoginById(run, row.login_id, "token-reused");
    if (verdict === "rotate") {
      await run(
        "use_token",
        `UPDATE accounts.refresh_token SET used_at = :now, used_request = $2
         WHERE token_hash = $1`,
        [hash, requestId],
      );
    }
    const isGranted = verdict === "rotate" || verdict === "repeat";
    return {
      verdict,
      accountId: row.account_id,
      loginId: row.login_id,
      residence: keyOf(row),
      bannedUntilMs,
      banReason: row.ban_reason,
      nowMs: row.now_ms,
      expiresMs: isGranted ? await insertToken(run, nextHash, row.login_id, ttlMs) : 0,
    };
  });
}

type EndReason = "logged-out" | "token-reused";

async function endLoginById(run: RunStatement, loginId: string, reason: EndReason): Promise<void> {
  await run(
    "end_login",
    `UPDATE accounts.login SET ended_at = :now, end_reason = $2
     WHERE login_id = $1 AND ended_at IS NULL`,
    [loginId, reason],
  );
}

export interface EndedLoginRow {
  readonly loginId: string;
  readonly accountId: string;
  readonly endedMs: number;
}

interface RawEnded {
  login_id: string;
  account_id: string;
  ended_ms: number;
}

const endedColumns = `login_id, account_id, (extract(epoch FROM ended_at) * 1000)::float8 AS ended_ms`;

/** Ends the login of a refresh token; undefined when there is none that has not ended. */
export async function endLogin(
  { run }: Store,
  tokenHash: Uint8Array,
): Promise<EndedLoginRow | undefined> {
  const [row] = await run<RawEnded>(
    "end_login_of_token",
    `UPDATE accounts.login SET ended_at = :now, end_reason = 'logged-out'
     WHERE ended_at IS NULL
       AND login_id = (SELECT login_id FROM accounts.refresh_token WHERE token_hash = $1)
     RETURNING ${endedColumns}`,
    [Buffer.from(tokenHash)],
  );
  return row === undefined ? undefined : endedOf(row);
}

/** Logins ended since `sinceMs`, oldest first, at most `limit`. */
export async function endedSince(
  run: RunStatement,
  sinceMs: number,
  limit: number,
): Promise<readonly EndedLoginRow[]> {
  const rows = await run<RawEnded>(
    "ended_since",
    `SELECT ${endedColumns} FROM accounts.login
     WHERE ended_at >= to_timestamp($1::float8 / 1000) ORDER BY ended_at LIMIT $2`,
    [sinceMs, limit],
  );
  return rows.map(endedOf);
}

/**
 * Removes what has expired, at most `limit` tokens and as many logins; returns the greater of both numbers: `limit`
 * means that there may be more.
 */
export async function sweepLogins({ run }: Pick<Store, "run">, limit: number): Promise<number> {
  const tokens = await run(
    "sweep_tokens",
    `DELETE FROM accounts.refresh_token WHERE token_hash IN (
       SELECT token_hash FROM accounts.refresh_token WHERE expires_at < :now LIMIT $1)
     RETURNING 1`,
    [limit],
  );
  const logins = await run(
    "sweep_logins",
    `DELETE FROM accounts.login WHERE login_id IN (
       SELECT login_id FROM accounts.login l WHERE created_at < :now - interval '1 day'
         AND NOT EXISTS (SELECT FROM accounts.refresh_token t WHERE t.login_id = l.login_id) LIMIT $1)
     RETURNING 1`,
    [limit],
  );
  return Math.max(tokens.length, logins.length);
}

function endedOf(row: RawEnded): EndedLoginRow {
  return { loginId: row.login_id, accountId: row.account_id, endedMs: row.ended_ms };
}
