import type { PgClient } from "@hexhold/postgres";
import { idPattern } from "../world-host/account-admin.ts";

/** Id of an account as text. `who` is its name, or the id itself. Throws an error that says so when there is no such name. */
export async function accountIdOf(client: PgClient, who: string): Promise<string> {
  if (idPattern.test(who)) return who.toLowerCase();
  const { rows } = await client.query<{ account_id: string }>(
    "SELECT account_id FROM accounts.account WHERE lower(name) = lower($1)",
    [who],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`There is no account ${who}.`);
  return row.account_id;
}
