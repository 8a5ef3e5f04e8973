/** Statements on the sessions that gateways hold. */
import type { Key } from "@hexhold/hex";
import { judgeReport } from "../rules/presence-rules.ts";
import type { RunStatement, Store } from "./database.ts";

export interface ReportedSessionRow {
  /** UUID text, as all ids here. */
  readonly accountId: string;
  readonly sessionId: string;
  /** False: it is gone. */
  readonly held: boolean;
  readonly residence: Key | undefined;
}

export interface SessionReport {
  readonly gatewayId: string;
  readonly instance: string;
  readonly number: number;
  readonly listBegins: boolean;
  readonly listEnds: boolean;
  /** Each session once. */
  readonly sessions: readonly ReportedSessionRow[];
}

/** Sessions of a silent gateway that end in one transaction. */
const silentSessionsMax = 5000;

/**
 * Takes a report, once; a report without sessions costs one row. An account whose last session is gone is due `graceMs`
 * later. False: the whole list is wanted, and nothing was taken but that the gateway lives.
 */
export function takeReport(
  database: Store,
  report: SessionReport,
  graceMs: number,
): Promise<boolean> {
  const { gatewayId, instance, number, listBegins, listEnds, sessions } = report;
  return database.transaction(async (run) => {
    // Locks the gateway: its reports are taken one after another.
    const [known] = await run<{ number: string; list_from: string | null }>(
      "hear_gateway",
      `INSERT INTO accounts.gateway (gateway_id, instance, heard_at) VALUES ($1, $2, :now)
       ON CONFLICT (gateway_id) DO UPDATE SET heard_at = :now
       RETURNING number, list_from`,
      [gatewayId, instance],
    );
    const verdict = judgeReport({ number: Number(known?.number ?? 0) }, report);
    if (verdict !== "take") return verdict === "repeated";
    const listFrom = listBegins ? number : known?.list_from;
    await run(
      "note_report",
      "UPDATE accounts.gateway SET number = $2, list_from = $3 WHERE gateway_id = $1",
      [gatewayId, number, listEnds ? null : listFrom],
    );
    const touched = sessions.length === 0 ? [] : await takeSessions(run, report);
    const unnamed =
      listEnds && listFrom !== undefined && listFrom !== null
        ? await endUnnamed(run, gatewayId, Number(listFrom))
        : [];
    await judgePresences(run, [...touched, ...unnamed], graceMs);
    return true;
  });
}

/** Returns the accounts whose sessions were named. */
async function takeSessions(run: RunStatement, report: SessionReport): Promise<string[]> {
  const { gatewayId, number, sessions } = report;
  const gone = sessions.filter(({ held }) => !held);
  if (gone.length > 0) {
    await run(
      "end_sessions",
      "DELETE FROM accounts.session WHERE gateway_id = $1 AND session_id = ANY ($2::uuid[])",
      [gatewayId, gone.map(({ sessionId }) => sessionId)],
    );
  }
  const held = sessions.filter((session) => session.held);
  if (held.length > 0) {
    await run(
      "begin_sessions",
      `INSERT INTO accounts.session (gateway_id, session_id, account_id, number, hex_id, layer_id)
       SELECT $1, session_id, account_id, $2, hex_id, layer_id
       FROM unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[]) AS told (session_id, account_id, hex_id, layer_id)
       ON CONFLICT (gateway_id, session_id)
       DO UPDATE SET number = excluded.number, hex_id = excluded.hex_id, layer_id = excluded.layer_id`,
      [gatewayId, number, ...columnsOf(held)],
    );
  }
  // In the order of accounts, as everywhere: reports of two gateways lock rows one after another.
  await run(
    "know_sessions",
    `INSERT INTO accounts.presence (account_id, newest_session, hex_id, layer_id)
     SELECT DISTINCT ON (account_id) account_id, session_id, hex_id, layer_id
     FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) AS told (session_id, account_id, hex_id, layer_id)
     ORDER BY account_id, session_id DESC
     ${onKnownPresence}`,
    columnsOf(sessions),
  );
  return sessions.map(({ accountId }) => accountId);
}

/** Locks the row of an account, whatever it changes. */
const onKnownPresence = `ON CONFLICT (account_id) DO UPDATE SET
  newest_session = greatest(presence.newest_session, excluded.newest_session),
  hex_id = coalesce(excluded.hex_id, presence.hex_id), layer_id = coalesce(excluded.layer_id, presence.layer_id)`;

/** A list has ended: what it did not name since report `listFrom` is gone. Returns the accounts. */
function endUnnamed(run: RunStatement, gatewayId: string, listFrom: number): Promise<string[]> {
  return endThose(run, "end_unnamed", "gateway_id = $1 AND number < $2", [gatewayId, listFrom]);
}

async function endThose(
  run: RunStatement,
  name: string,
  where: string,
  values: unknown[],
): Promise<string[]> {
  const rows = await run<{ account_id: string }>(
    name,
    `WITH gone AS (DELETE FROM accounts.session WHERE ${where} RETURNING account_id, session_id, hex_id, layer_id)
     INSERT INTO accounts.presence (account_id, newest_session, hex_id, layer_id)
     SELECT DISTINCT ON (account_id) account_id, session_id, hex_id, layer_id FROM gone
     ORDER BY account_id, session_id DESC
     ${onKnownPresence}
     RETURNING account_id`,
    values,
  );
  return rows.map(({ account_id }) => account_id);
}

/**
 * Accounts without a session are due in `graceMs`, others are not. Their rows must be locked: then whoever looks last
 * sees what all others have done.
 */
async function judgePresences(
  run: RunStatement,
  accounts: readonly string[],
  graceMs: number,
): Promise<void> {
  if (accounts.length === 0) return;
  await run(
    "judge_presences",
    `UPDATE accounts.presence AS known SET request_id = NULL, tries = 0,
       gone_at = CASE WHEN has_session THEN NULL ELSE now_at END,
       next_at = CASE WHEN has_session THEN NULL ELSE now_at + $2::float8 * interval '1 millisecond' END
     FROM (SELECT account_id, :now AS now_at,
             EXISTS (SELECT FROM accounts.session WHERE session.account_id = named.account_id) AS has_session
           FROM unnest($1::uuid[]) AS named (account_id)) AS judged
     WHERE known.account_id = judged.account_id`,
    [[...new Set(accounts)], graceMs],
  );
}

function columnsOf(sessions: readonly ReportedSessionRow[]): unknown[] {
  return [
    sessions.map(({ sessionId }) => sessionId),
    sessions.map(({ accountId }) => accountId),
    sessions.map(({ residence }) => residence?.hexId.toString() ?? null),
    sessions.map(({ residence }) => residence?.layerId ?? null),
  ];
}

/** A gateway whose sessions are gone, or some of them. */
export interface SilentGateway {
  readonly instance: string;
  readonly sessions: number;
  readonly isForgotten: boolean;
}

/**
 * Ends sessions of a gateway that was not heard of for `silentMs`, at most 5,000 of them; the gateway is forgotten with
 * the last one. Undefined: there is none.
 */
export function endSilentGateway(
  database: Store,
  silentMs: number,
  graceMs: number,
): Promise<SilentGateway | undefined> {
  return database.transaction(async (run) => {
    const [silent] = await run<{ gateway_id: string; instance: string }>(
      "silent_gateway",
      `SELECT gateway_id, instance FROM accounts.gateway
       WHERE heard_at < :now - $1::float8 * interval '1 millisecond'
       ORDER BY heard_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
      [silentMs],
    );
    if (silent === undefined) return undefined;
    const { gateway_id: gatewayId, instance } = silent;
    const gone = await endThose(
      run,
      "end_silent",
      `gateway_id = $1 AND session_id IN (
         SELECT session_id FROM accounts.session WHERE gateway_id = $1 ORDER BY session_id LIMIT $2)`,
      [gatewayId, silentSessionsMax],
    );
    await judgePresences(run, gone, graceMs);
    const forgotten = await run(
      "forget_gateway",
      `DELETE FROM accounts.gateway WHERE gateway_id = $1
         AND NOT EXISTS (SELECT FROM accounts.session WHERE gateway_id = $1) RETURNING 1`,
      [gatewayId],
    );
    return { instance, sessions: gone.length, isForgotten: forgotten.length > 0 };
  });
}
