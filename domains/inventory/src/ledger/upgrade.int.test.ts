import path from "node:path";
import { readdirSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { inTransaction } from "@hexhold/domain";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { isOutage, migrate, openPool } from "@hexhold/postgres";
import { freshDatabase } from "@hexhold/testing";
import { expect, test } from "vitest";
import { expectConserved } from "../../test/conserved.ts";
import { balancesOf } from "./account-pages.ts";

const migrations = path.resolve(import.meta.dirname, "../../../../infra/pg_migrations");
const before = "0004_letters";

/** What the release before wrote for a credit, as its own role. */
const writes = [
  `INSERT INTO inventory.asset (asset) VALUES ('wood') ON CONFLICT DO NOTHING`,
  `INSERT INTO inventory.ledger_account (owner, kind, asset)
   VALUES ($1, 'player', 'wood'), ('00000000-0000-0000-0000-000000000000', 'mint', 'wood') ON CONFLICT DO NOTHING`,
  `INSERT INTO inventory.transaction (transaction_id, kind, at) VALUES ($2, 'gathered', now())`,
  `INSERT INTO inventory.posting (transaction_id, ledger_account_id, amount)
   SELECT $2, ledger_account_id, CASE kind WHEN 'mint' THEN -$3::bigint ELSE $3::bigint END
   FROM inventory.ledger_account WHERE owner = $1 OR kind = 'mint'`,
];

test("a world with balances keeps them, and a service of the release before is held up and not refused", async () => {
  const database = await freshDatabase();
  const older = await mkdtemp(path.join(tmpdir(), "hexhold-migrations-"));
  const passwordOf = () => decodeURIComponent(new URL(database.url).password);
  await cp(migrations, older, { recursive: true });
  for (const file of readdirSync(path.join(older, "inventory"))) {
    if (path.parse(file).name > before) await rm(path.join(older, "inventory", file));
  }
  await migrate({ adminUrl: database.url, directory: older, passwordOf });
  const url = new URL(database.url);
  url.username = "hexhold_inventory";
  const pool = openPool({ url: url.href, applicationName: "test" }, 2);
  const admin = openPool({ url: database.url, applicationName: "test" }, 1);
  const account = uuidv7Bytes();
  const credit = (amount: bigint) =>
    inTransaction(pool, async (transaction) => {
      const values = [uuidText(account), uuidText(uuidv7Bytes()), String(amount)];
      for (const text of writes) {
        const used = [1, 2, 3].filter((n) => text.includes(`$${n}`));
        const renamed = used.reduce((sql, n, at) => sql.replaceAll(`$${n}`, `$#${at + 1}`), text);
        await transaction.query({
          text: renamed.replaceAll("$#", "$"),
          values: used.map((n) => values[n - 1]),
        });
      }
    });
  const balances = () =>
    inTransaction(pool, (transaction) => balancesOf(transaction, account, { limit: 9, after: "" }));
  try {
    await credit(3n);
    await credit(4n);
    await migrate({ adminUrl: database.url, directory: migrations, passwordOf });
    expect(await balances()).toEqual([{ asset: "wood", amount: 7n, held: 0n }]);
    await expectConserved({ admin });
    // What it calls an outage: it holds the credit until it is stopped, and the new service does it.
    const refused = await pool.query(writes[0]!).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ code: "57P03" });
    expect(isOutage(refused)).toBe(true);
    await expect(credit(5n)).rejects.toMatchObject({ code: "STORE_OUTAGE" });
    expect(await balances()).toEqual([{ asset: "wood", amount: 7n, held: 0n }]);
  } finally {
    await Promise.all([pool.end(), admin.end()]);
    await rm(older, { recursive: true });
    await database.drop();
  }
});
