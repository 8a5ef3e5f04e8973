import pg from "pg";

/** Runs `work` on a connection of its own to `postgresUrl`, which is closed afterwards. */
export async function withPostgres<Result>(
  postgresUrl: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
