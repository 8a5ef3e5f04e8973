import type { PgPool } from "@hexhold/postgres";
import type { Gauge } from "@hexhold/telemetry";

/**
 * Sets the gauge of open holds. Reads the index of those alone; when PostgreSQL does not answer, the gauge has no value.
 */
export async function countHolds(pool: Pick<PgPool, "query">, gauge: Gauge): Promise<void> {
  gauge.reset();
  const counted = await pool
    .query<{ count: string }>("SELECT count(*) FROM inventory.hold WHERE state = 'held'")
    .catch(() => undefined);
  const row = counted?.rows[0];
  if (row !== undefined) gauge.set({}, Number(row.count));
}
