/** What services still owe to each other. */
import { withPostgres } from "./with-postgres.ts";

export interface UnsentMessages {
  /** Outbox rows of the world that no broker has confirmed. */
  readonly world: number;
  /** The same of the inventory service. */
  readonly inventory: number;
  /** Messages that were given up. */
  readonly deadLetters: number;
}

/** Counts them. `postgresUrl` is of a role that sees the schemas `world`, `inventory` and `control`. */
export async function unsentMessages(postgresUrl: string): Promise<UnsentMessages> {
  return withPostgres(postgresUrl, async (database) => {
    const { rows } = await database.query<{ world: number; inventory: number; letters: number }>(
      `SELECT
         (SELECT count(*)::int FROM world.outbox AS o LEFT JOIN world.outbox_lane AS l USING (slot, destination)
          WHERE o.position > coalesce(l.position, 0)) AS world,
         (SELECT count(*)::int FROM inventory.outbox) AS inventory,
         (SELECT count(*)::int FROM control.dead_letter) AS letters`,
    );
    const { world = 0, inventory = 0, letters = 0 } = rows[0] ?? {};
    return { world, inventory, deadLetters: letters };
  });
}
