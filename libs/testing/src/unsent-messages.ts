/** What services still owe to each other. */
import { withPostgres } from "./with-postgres.ts";

export interface UnsentMessages {
  /** Outbox rows of the world that no broker has confirmed. */
  readonly world: number;
  /** The same of each service. */
  readonly accounts: number;
  readonly inventory: number;
  readonly market: number;
  readonly chat: number;
  readonly governance: number;
  /** Messages that were given up. */
  readonly deadLetters: number;
}

/** Counts them. `postgresUrl` is of a role that sees all schemas. */
export async function unsentMessages(postgresUrl: string): Promise<UnsentMessages> {
  return withPostgres(postgresUrl, async (database) => {
    const { rows } = await database.query<UnsentMessages>(
      `SELECT
         (SELECT count(*)::int FROM world.outbox AS o LEFT JOIN world.outbox_lane AS l USING (slot, destination)
          WHERE o.position > coalesce(l.position, 0)) AS world,
         (SELECT count(*)::int FROM accounts.outbox) AS accounts,
         (SELECT count(*)::int FROM inventory.outbox) AS inventory,
         (SELECT count(*)::int FROM market.outbox) AS market,
         (SELECT count(*)::int FROM chat.outbox) AS chat,
         (SELECT count(*)::int FROM governance.outbox) AS governance,
         (SELECT count(*)::int FROM control.dead_letter) AS "deadLetters"`,
    );
    return rows[0]!;
  });
}
