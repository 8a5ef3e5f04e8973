/** Who the world of a database is, and which of its histories goes on there. */
import { type PgClient, withConnection } from "@hexhold/postgres";

export interface WorldName {
  /** UUID text; for ever. */
  readonly worldId: string;
  /** UUID text; another one after `hexctl history begin`. */
  readonly historyId: string;
}

export interface WorldHistory extends WorldName {
  readonly bornAt: Date;
  readonly historyBeganAt: Date;
}

/** Rejects when PostgreSQL refuses, and when the database holds no world. */
export function readWorldName(postgresUrl: string): Promise<WorldName> {
  return withConnection({ url: postgresUrl, applicationName: "hexctl-world" }, async (client) => {
    const { worldId, historyId } = await readHistory(client);
    return { worldId, historyId };
  });
}

export async function readHistory(client: PgClient): Promise<WorldHistory> {
  const { rows } = await client.query<WorldHistory>(
    `SELECT world_id AS "worldId", history_id AS "historyId", born_at AS "bornAt",
       history_began_at AS "historyBeganAt" FROM control.world`,
  );
  if (rows[0] === undefined) {
    throw new Error("control.world is empty: restore its row from a backup of this world");
  }
  return rows[0];
}
