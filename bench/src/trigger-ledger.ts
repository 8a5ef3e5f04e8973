/**
 * What settlements are held against: the ledger of release 0.2.0, whose balances and zero sums were the work of triggers
 * (migration inventory/0001), in a database of its own on the same server. Its transactions come straight over SQL, without a
 * broker, a service, holds or answers: the most that the triggers could have done.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { type PgClient, withConnection } from "@hexhold/postgres";
import { runSql } from "./world-sql.ts";

export interface TriggerLedger {
  /** Settlements a second, `batch` of them in a transaction, over as many connections as the inventory has queues. */
  measure(batch: number, settlements: number): Promise<number>;
  close(): Promise<void>;
}

const migration = path.resolve(
  import.meta.dirname,
  "../../infra/pg_migrations/inventory/0001_inventory.sql",
);
const database = "trigger_ledger";
const connections = 8;
const plenty = 1_000_000_000;
const insert = {
  transactions: `INSERT INTO inventory.transaction (transaction_id, kind, at)
    SELECT id, 'trade', clock_timestamp() FROM unnest($1::uuid[]) AS t (id)`,
  postings: `INSERT INTO inventory.posting (transaction_id, ledger_account_id, amount)
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[])`,
  inbox: "INSERT INTO inventory.inbox (event_id) SELECT id FROM unnest($1::uuid[]) AS t (id)",
};

interface Ids {
  readonly coin: readonly string[];
  readonly wood: readonly string[];
  readonly burn: string;
}

/** @param url of the superuser, on the server of the world that is measured. */
export async function openTriggerLedger(url: string, accounts: number): Promise<TriggerLedger> {
  await runSql(url, `DROP DATABASE IF EXISTS ${database}`);
  await runSql(url, `CREATE DATABASE ${database}`);
  const own = new URL(url);
  own.pathname = `/${database}`;
  const [up = ""] = readFileSync(migration, "utf8").split("-- Down Migration");
  await runSql(own.href, up);
  const settings = { url: own.href, applicationName: "bench", statementTimeoutMs: 60_000 };
  const ids = await withConnection(settings, (client) => makeAccounts(client, accounts));
  return {
    async measure(batch, settlements) {
      const transactions = settlements / batch;
      let next = 0;
      const startedMs = performance.now();
      await Promise.all(
        Array.from({ length: connections }, () =>
          withConnection(settings, async (client) => {
            for (let n = next++; n < transactions; n = next++) await settle(client, ids, n, batch);
          }),
        ),
      );
      return settlements / ((performance.now() - startedMs) / 1000);
    },
    async close() {
      await runSql(url, `DROP DATABASE ${database}`);
    },
  };
}

async function makeAccounts(client: PgClient, count: number): Promise<Ids> {
  await client.query("INSERT INTO inventory.asset (asset) VALUES ('coin'), ('wood')");
  const open = async (kind: string, asset: string, owner: string): Promise<string> => {
    const { rows } = await client.query<{ id: string }>(
      `INSERT INTO inventory.ledger_account (owner, kind, asset) VALUES ($1, $2, $3)
       RETURNING ledger_account_id AS id`,
      [owner, kind, asset],
    );
    return rows[0]!.id;
  };
  const nobody = "00000000-0000-0000-0000-000000000000";
  const burn = await open("burn", "coin", nobody);
  const of = { coin: [] as string[], wood: [] as string[] };
  for (const asset of ["coin", "wood"] as const) {
    const mint = await open("mint", asset, nobody);
    for (let i = 0; i < count; i++) {
      const account = await open("player", asset, randomUUID());
      of[asset].push(account);
      await post(client, [randomUUID()], [0, 0], [mint, account], [-plenty, plenty]);
    }
  }
  return { ...of, burn };
}

/** Of one taker with others, as a message of the market has them: coin, goods and the sales tax. */
async function settle(client: PgClient, ids: Ids, n: number, batch: number): Promise<void> {
  const count = ids.coin.length;
  const taker = n % count;
  const transactions: string[] = [];
  const of: number[] = [];
  const accounts: string[] = [];
  const amounts: number[] = [];
  for (let i = 0; i < batch; i++) {
    const maker = (n + 1 + ((n + i) % (count - 1))) % count;
    transactions.push(randomUUID());
    const postings = [
      [ids.coin[taker]!, -100],
      [ids.coin[maker]!, 98],
      [ids.burn, 2],
      [ids.wood[maker]!, -1],
      [ids.wood[taker]!, 1],
    ] as const;
    for (const [account, amount] of postings) {
      of.push(i);
      accounts.push(account);
      amounts.push(amount);
    }
  }
  await post(client, transactions, of, accounts, amounts);
}

async function post(
  client: PgClient,
  transactions: readonly string[],
  of: readonly number[],
  accounts: readonly string[],
  amounts: readonly number[],
): Promise<void> {
  await client.query("BEGIN");
  await client.query({ name: "inbox", text: insert.inbox, values: [transactions] });
  await client.query({ name: "transactions", text: insert.transactions, values: [transactions] });
  const values = [of.map((n) => transactions[n]!), accounts, amounts];
  await client.query({ name: "postings", text: insert.postings, values });
  await client.query("COMMIT");
}
