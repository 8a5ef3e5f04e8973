import { type ConnectionSettings, type PgClient, withConnection } from "@hexhold/postgres";
import { Command } from "commander";
import { lockDatabase } from "../host/database-lock.ts";
import { postgresUrlOf } from "../world-stores.ts";
import { readHistory } from "../world-name.ts";
import type { CommandContext } from "./command-context.ts";

interface HistoryOptions {
  readonly postgresUrl?: string;
}

const urlText = "default: of the world that runs here, or HEXHOLD_POSTGRES_URL";
/** Rows of the outbox are counted, and a lane is written for each slot and destination. */
const statementTimeoutMs = 120_000;

const connectionTo = (url: string): ConnectionSettings => ({
  url,
  applicationName: "hexctl-history",
  statementTimeoutMs,
});

/** `hexctl history`: who the world is; `hexctl history begin`: it goes on from another moment. */
export function historyCommand(context: CommandContext): Command {
  const history = new Command("history")
    .description("Show who the world of a database is, and since when its present history goes on.")
    .option("--postgres-url <url>", urlText)
    .action(async (options: HistoryOptions) => {
      await withConnection(connectionTo(postgresUrlOf(context, options)), async (client) => {
        const { worldId, historyId, bornAt, historyBeganAt } = await readHistory(client);
        console.log(`world    ${worldId}  since ${bornAt.toISOString()}`);
        console.log(`history  ${historyId}  since ${historyBeganAt.toISOString()}`);
      });
    });
  history
    .command("begin")
    .description(
      "Begin a new history, after PostgreSQL was restored from a backup: what the world owes is sent again. The world must rest.",
    )
    .action(async (_options: object, command: Command) => {
      await beginHistory(postgresUrlOf(context, command.optsWithGlobals<HistoryOptions>()));
    });
  return history;
}

/** Rejects with DatabaseInUse while a host has the world, and with what to do while processes are connected to it. */
async function beginHistory(url: string): Promise<void> {
  const lock = await lockDatabase(url, () => undefined);
  try {
    await withConnection(connectionTo(url), async (client) => {
      await refuseWhileUsed(client);
      await client.query("BEGIN");
      const before = await readHistory(client);
      await client.query(
        "UPDATE control.world SET history_id = gen_random_uuid(), history_began_at = clock_timestamp()",
      );
      const { rows } = await client.query<{ again: string }>(
        "SELECT world.resend_lanes(NULL, 'hexctl history begin') AS again",
      );
      const after = await readHistory(client);
      await client.query("COMMIT");
      console.log(`The world ${after.worldId} begins the history ${after.historyId}.`);
      console.log(`It has left the history ${before.historyId}.`);
      console.log(`${rows[0]?.again ?? 0} messages are sent again; receivers drop what they know.`);
      console.log(
        "Snapshots are proved by the journal as they are loaded; those of another history are replaced.",
      );
    });
  } finally {
    await lock.release();
  }
}

/** Services that are run by themselves hold no host's lock. */
async function refuseWhileUsed(client: PgClient): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT application_name AS name FROM pg_stat_activity
     WHERE datname = current_database() AND application_name ~ '^(router|worker|accounts|inventory|market|governance|chat)[-:]'
     ORDER BY name`,
  );
  if (rows.length === 0) return;
  throw new Error(
    `The world runs: ${rows.map(({ name }) => name).join(", ")} are connected to its database. Stop them first.`,
  );
}
