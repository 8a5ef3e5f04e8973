import type { PgPool } from "@hexhold/postgres";
import type { Gauge } from "@hexhold/telemetry";

/** Both gauges have no values when PostgreSQL does not answer. */
export async function countOpen(pool: Pick<PgPool, "query">, gauge: Gauge): Promise<void> {
  gauge.reset();
  const counted = await pool
    .query<{ open: string }>("SELECT count(*) AS open FROM governance.election WHERE state = 1")
    .catch(() => undefined);
  const [row] = counted?.rows ?? [];
  if (row !== undefined) gauge.set(Number(row.open));
}

/** Newest owners of hexes that have not taken them, by age. */
export async function countUnapplied(
  pool: Pick<PgPool, "query">,
  gauge: Gauge<"age">,
  nowMs: number,
): Promise<void> {
  gauge.reset();
  const counted = await pool
    .query<{ young: string; old: string; stuck: string }>(
      `SELECT count(*) FILTER (WHERE age < 5) AS young, count(*) FILTER (WHERE age >= 5 AND age < 60) AS old,
         count(*) FILTER (WHERE age >= 60) AS stuck
       FROM (SELECT extract(epoch FROM to_timestamp($1::float8 / 1000) - o.from_at) AS age
         FROM governance.ownership AS o WHERE o.applied_at IS NULL
           AND o.number = (SELECT h.number FROM governance.ownership_head AS h WHERE h.hex = o.hex)) AS waiting`,
      [nowMs],
    )
    .catch(() => undefined);
  const [row] = counted?.rows ?? [];
  if (row === undefined) return;
  gauge.set({ age: "under-5s" }, Number(row.young));
  gauge.set({ age: "under-60s" }, Number(row.old));
  gauge.set({ age: "over-60s" }, Number(row.stuck));
}
