/** What players were told, held against what PostgreSQL has. */
import { idempotencyKeyOf, uuidBytes } from "@hexhold/messaging";
import { keyBytes } from "@hexhold/hex";
import { type LoadPlayer, withPostgres } from "@hexhold/testing";

export interface TruthReport {
  readonly applied: number;
  readonly refused: number;
  readonly unfinished: number;
  /** Every promise that does not hold, in words. */
  readonly faults: readonly string[];
}

const durableTypes = new Set(["cmd.hex.gather", "cmd.hex.enter", "cmd.hex.leave"]);

/**
 * Every durable command answered APPLIED has exactly one result row and its journal rows once, every one
 * answered REFUSED a result row and no journal row; versions of a hex are 1…n and its head is at n; epochs
 * never fall.
 */
export async function checkTruth(
  adminUrl: string,
  players: readonly LoadPlayer[],
): Promise<TruthReport> {
  // Players may go on: only what was answered before the tables are read is held against them.
  const readMs = performance.now();
  return withPostgres(adminUrl, async (client) => {
    const faults: string[] = [];
    const counts = async (table: string): Promise<Map<string, number>> => {
      const { rows } = await client.query<{ key: string; n: number }>(
        `SELECT encode(idempotency_key, 'hex') AS key, count(*)::int AS n FROM world.${table} GROUP BY 1`,
      );
      return new Map(rows.map((row) => [row.key, row.n]));
    };
    const results = await counts("command_result");
    const journal = await counts("journal");
    let applied = 0;
    let refused = 0;
    let unfinished = 0;
    for (const player of players) {
      for (const command of player.commands) {
        const outcome = command.answer?.outcome.case;
        if (outcome === undefined) unfinished++;
        if (command.finalMs > readMs) continue;
        if (!durableTypes.has(command.type) || (outcome !== "applied" && outcome !== "refused"))
          continue;
        const key = Buffer.from(
          idempotencyKeyOf({
            accountId: uuidBytes(player.player.accountId),
            requestId: command.requestId,
            type: command.type,
            target: keyBytes(player.key),
          }),
        ).toString("hex");
        if (outcome === "applied") applied++;
        else refused++;
        const stored = results.get(key) ?? 0;
        if (stored !== 1) faults.push(`${command.type} ${outcome}: ${stored} result rows, not 1`);
        const events = journal.get(key) ?? 0;
        if (outcome === "applied" && events < 1)
          faults.push(`${command.type} applied: no journal row`);
        if (outcome === "refused" && events > 0)
          faults.push(`${command.type} refused, but journalled`);
        // Only gather may make two: what was gathered, and a level raised by it.
        if (events > (command.type === "cmd.hex.gather" ? 2 : 1)) {
          faults.push(`${command.type}: ${events} journal rows`);
        }
      }
    }
    const doubled = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM (
         SELECT 1 FROM world.journal GROUP BY idempotency_key, type HAVING count(*) > 1) AS d`,
    );
    if ((doubled.rows[0]?.n ?? 0) > 0)
      faults.push(`${doubled.rows[0]?.n} commands have an event twice`);
    const { rows: holes } = await client.query<{
      hex_id: string;
      n: number;
      last: string;
      head: string;
    }>(
      `SELECT j.hex_id, count(*)::int AS n, max(j.hex_version) AS last, max(h.hex_version) AS head
       FROM world.journal AS j JOIN world.hex_head AS h USING (bucket, hex_id, layer_id)
       GROUP BY j.bucket, j.hex_id, j.layer_id
       HAVING count(*) <> max(j.hex_version) OR max(j.hex_version) <> max(h.hex_version) OR min(j.hex_version) <> 1`,
    );
    for (const hole of holes)
      faults.push(`hex ${hole.hex_id}: ${hole.n} rows, last ${hole.last}, head ${hole.head}`);
    const { rows: falls } = await client.query(
      `SELECT 1 FROM (
         SELECT epoch, lag(epoch) OVER (PARTITION BY bucket, hex_id, layer_id ORDER BY hex_version) AS before
         FROM world.journal) AS e WHERE epoch < before`,
    );
    if (falls.length > 0) faults.push(`epochs fall ${falls.length} times`);
    return { applied, refused, unfinished, faults };
  });
}
