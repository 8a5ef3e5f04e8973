/** The figures of an economy, as the database has them when all is over. */
import { withPostgres } from "@hexhold/testing";
import { type PriceMark, seriesOf } from "./economy-series.ts";
import type { AssetFigures, EconomyResult } from "./economy-result.ts";

/** Sums of a demo are small enough for a double; they are shown and not reckoned with. */
const assetsQuery = `
  SELECT asset,
    coalesce(sum(-posted) FILTER (WHERE kind = 'mint'), 0)::float8 AS minted,
    coalesce(sum(posted) FILTER (WHERE kind = 'burn'), 0)::float8 AS burned,
    coalesce(sum(posted) FILTER (WHERE kind = 'player'), 0)::float8 AS owned,
    coalesce(sum(posted) FILTER (WHERE kind = 'hold'), 0)::float8 AS held,
    coalesce((SELECT last_price FROM market.book WHERE book = asset), 0)::float8 AS "lastPrice",
    (SELECT count(*) FROM market.trade WHERE book = asset)::float8 AS trades,
    coalesce((SELECT sum(quantity) FROM market.trade WHERE book = asset), 0)::float8 AS volume
  FROM inventory.ledger_account AS a
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0) AS posted FROM inventory.posting AS p
    WHERE p.ledger_account_id = a.ledger_account_id
  ) AS p
  GROUP BY asset ORDER BY asset`;

const countsQuery = `
  SELECT
    (SELECT count(*) FROM world.journal WHERE type = 'evt.hex.site-finished')::int AS buildings,
    (SELECT count(DISTINCT hex) FROM governance.ownership
     WHERE owner IS NOT NULL AND applied_at IS NOT NULL)::int AS owners,
    (SELECT count(*) FROM governance.election WHERE state = 2)::int AS won,
    (SELECT count(*) FROM governance.election WHERE state = 3)::int AS failed,
    (SELECT count(*) FROM chat.message)::int AS said`;

interface Counts {
  readonly buildings: number;
  readonly owners: number;
  readonly won: number;
  readonly failed: number;
  readonly said: number;
}

/**
 * Reads what there is in the whole world, and how prices and levels came to it from `sinceMs` (Unix milliseconds) on,
 * for `seconds`; `read` messages were read by somebody else. `postgresUrl` is of a role that sees all schemas.
 */
export async function readEconomy(
  postgresUrl: string,
  sinceMs: number,
  seconds: number,
  read: number,
): Promise<EconomyResult> {
  return withPostgres(postgresUrl, async (database) => {
    const assets = await database.query<AssetFigures>(assetsQuery);
    const counts = await database.query<Counts>(countsQuery);
    const trades = await database.query<PriceMark>(
      `SELECT book, price::float8 AS price, extract(epoch FROM at)::float8 * 1000 AS "atMs"
       FROM market.trade ORDER BY at, book, nth`,
    );
    const rises = await database.query<{ atMs: number }>(
      `SELECT extract(epoch FROM decided_at)::float8 * 1000 AS "atMs"
       FROM world.journal WHERE type = 'evt.hex.level-raised' ORDER BY decided_at`,
    );
    const { buildings, owners, won, failed, said } = counts.rows[0]!;
    return {
      assets: assets.rows,
      levelsGained: rises.rows.length,
      buildings,
      owners,
      elections: { won, failed },
      chat: { said, read },
      series: seriesOf(
        trades.rows,
        rises.rows.map(({ atMs }) => atMs),
        sinceMs,
        seconds,
      ),
    };
  });
}
