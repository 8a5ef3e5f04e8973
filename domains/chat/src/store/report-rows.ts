/** Reports of messages. */
import type { Transaction } from "@hexhold/domain";
import type { PgPool } from "@hexhold/postgres";
import type { Gauge } from "@hexhold/telemetry";

/** The reporting account is locked. */
export async function addReport(
  transaction: Transaction,
  report: {
    readonly id: string;
    readonly channel: string;
    readonly seq: bigint;
    readonly account: string;
    readonly reporter: string;
    readonly reason: string;
    readonly atMs: number;
  },
): Promise<void> {
  await transaction.query({
    name: "chat_add_report",
    text: `INSERT INTO chat.report (report_id, channel, seq, account_id, reporter, reason, at)
      VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000))`,
    values: [
      report.id,
      report.channel,
      report.seq,
      report.account,
      report.reporter,
      report.reason,
      report.atMs,
    ],
  });
}

export async function hasReported(
  transaction: Transaction,
  {
    channel,
    seq,
    reporter,
  }: { readonly channel: string; readonly seq: bigint; readonly reporter: string },
): Promise<boolean> {
  const rows = await transaction.query({
    name: "chat_has_reported",
    text: "SELECT 1 FROM chat.report WHERE channel = $1 AND seq = $2 AND reporter = $3",
    values: [channel, seq, reporter],
  });
  return rows.length > 0;
}

export interface ReportRow {
  readonly id: string;
  readonly channel: string;
  readonly seq: bigint;
  readonly reporter: string;
  readonly reporterName: string;
  readonly reason: string;
  readonly atMs: number;
  readonly account: string;
  readonly name: string;
  /** Empty = it is not kept any more. */
  readonly text: string;
  readonly saidMs: number;
  readonly isRemoved: boolean;
  /** 0 = it is open. */
  readonly endedMs: number;
  readonly mutedUntilMs: number;
}

/** The newest first, with ids below `before`. */
export async function readReports(
  transaction: Transaction,
  {
    isAll,
    before,
    limit,
  }: { readonly isAll: boolean; readonly before: string; readonly limit: number },
): Promise<readonly ReportRow[]> {
  const rows = await transaction.query<{
    id: string;
    channel: string;
    seq: string;
    reporter: string;
    reporter_name: string;
    reason: string;
    at_ms: string;
    account: string;
    name: string;
    text: string;
    said_ms: string;
    is_removed: boolean;
    ended_ms: string;
    muted_until_ms: string;
  }>({
    name: "chat_reports",
    text: `SELECT r.report_id::text AS id, r.channel, r.seq::text AS seq, r.reporter::text AS reporter,
        coalesce((SELECT s.name FROM chat.speaker AS s WHERE s.account_id = r.reporter), '') AS reporter_name, r.reason,
        (extract(epoch FROM r.at) * 1000)::bigint::text AS at_ms, r.account_id::text AS account, coalesce(s.name, '') AS name,
        coalesce((SELECT t.text FROM chat.removed_text AS t WHERE t.channel = r.channel AND t.seq = r.seq), m.text, '') AS text,
        coalesce((extract(epoch FROM m.at) * 1000)::bigint, 0)::text AS said_ms, coalesce(m.state = 3, false) AS is_removed,
        coalesce((extract(epoch FROM r.ended_at) * 1000)::bigint, 0)::text AS ended_ms,
        coalesce(s.muted_until_ms, 0)::text AS muted_until_ms
      FROM chat.report AS r
      LEFT JOIN LATERAL (SELECT s.name, s.muted_until_ms FROM chat.speaker AS s WHERE s.account_id = r.account_id LIMIT 1) AS s ON true
      LEFT JOIN LATERAL (SELECT m.text, m.at, m.state FROM chat.message AS m
        WHERE m.channel = r.channel AND m.seq = r.seq LIMIT 1) AS m ON true
      WHERE r.report_id < $1 AND ($2 OR r.ended_at IS NULL) ORDER BY r.report_id DESC LIMIT $3`,
    values: [before, isAll, limit],
  });
  return rows.map((row) => ({
    id: row.id,
    channel: row.channel,
    seq: BigInt(row.seq),
    reporter: row.reporter,
    reporterName: row.reporter_name,
    reason: row.reason,
    atMs: Number(row.at_ms),
    account: row.account,
    name: row.name,
    text: row.text,
    saidMs: Number(row.said_ms),
    isRemoved: row.is_removed,
    endedMs: Number(row.ended_ms),
    mutedUntilMs: Number(row.muted_until_ms),
  }));
}

/** The gauge has no value when PostgreSQL does not answer. */
export async function countOpenReports(pool: Pick<PgPool, "query">, gauge: Gauge): Promise<void> {
  gauge.reset();
  const counted = await pool
    .query<{ open: string }>("SELECT count(*) AS open FROM chat.report WHERE ended_at IS NULL")
    .catch(() => undefined);
  const [row] = counted?.rows ?? [];
  if (row !== undefined) gauge.set(Number(row.open));
}
