/** Keeps the tables of trades and orders from growing for ever. */
import type { PgPool } from "@hexhold/postgres";
import type { Logger } from "@hexhold/telemetry";

export interface HistoryPruning {
  stop(): void;
}

const everyMs = 3_600_000;
const rowsMax = 10_000;

/** Every hour; several instances may do it. */
export function startHistoryPruning(options: {
  readonly pool: PgPool;
  readonly keepDays: number;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly logger: Logger;
}): HistoryPruning {
  const { pool, keepDays, worldNow, logger } = options;
  let isStopped = false;
  async function prune(): Promise<void> {
    for (let gone = rowsMax; gone >= rowsMax && !isStopped;) {
      const { rows } = await pool.query<{ gone: string }>(
        "SELECT market.prune_history($1, $2, $3)::text AS gone",
        [keepDays, rowsMax, worldNow()],
      );
      gone = Number(rows[0]?.gone ?? 0);
    }
  }
  const timer = setInterval(() => {
    prune().catch((error: unknown) => logger.warn({ err: error }, "old trades cannot be deleted"));
  }, everyMs);
  return {
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}
