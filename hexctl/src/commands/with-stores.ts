import { type PgClient, withConnection } from "@hexhold/postgres";
import { openWorldStores, type StoreUrls, type WorldStores } from "../world-stores.ts";
import type { CommandContext } from "./command-context.ts";

/** A fold of a long journal, and a look through all of them. */
const statementTimeoutMs = 120_000;

/** Calls `work` with the stores of a world and a connection that only reads. */
export async function withStores(
  context: CommandContext,
  urls: StoreUrls,
  work: (client: PgClient, stores: WorldStores) => Promise<void>,
): Promise<void> {
  const stores = await openWorldStores(context, urls);
  try {
    const url = stores.postgresUrl;
    const settings = { url, applicationName: "hexctl-look", statementTimeoutMs };
    await withConnection(settings, async (client) => {
      await client.query("SET default_transaction_read_only = on");
      await client.query(`SET idle_in_transaction_session_timeout = ${statementTimeoutMs}`);
      await work(client, stores);
    });
  } finally {
    await stores.close();
  }
}
