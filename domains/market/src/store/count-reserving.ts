import type { PgPool } from "@hexhold/postgres";
import type { Gauge } from "@hexhold/telemetry";

/**
 * Sets the gauge of orders that wait for escrow, by age. Reads the index of those alone; when PostgreSQL does not answer, the
 * gauge has no values.
 */
export async function countReserving(
  pool: Pick<PgPool, "query">,
  gauge: Gauge<"age">,
  nowMs: number,
): Promise<void> {
  gauge.reset();
  const counted = await pool
    .query<{ young: string; old: string; stuck: string }>(
      `SELECT count(*) FILTER (WHERE age < 5) AS young, count(*) FILTER (WHERE age >= 5 AND age < 60) AS old,
         count(*) FILTER (WHERE age >= 60) AS stuck
       FROM (SELECT extract(epoch FROM to_timestamp($1::float8 / 1000) - placed_at) AS age
         FROM market."order" WHERE state = 1) AS waiting`,
      [nowMs],
    )
    .catch(() => undefined);
  const row = counted?.rows[0];
  if (row === undefined) return;
  gauge.set({ age: "under-5s" }, Number(row.young));
  gauge.set({ age: "under-60s" }, Number(row.old));
  gauge.set({ age: "over-60s" }, Number(row.stuck));
}
